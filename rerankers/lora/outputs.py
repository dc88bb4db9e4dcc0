"""The folder that a training fills: its checkpoint while it runs, then the adapter and its card."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.rerankers.lora.adapters import CARD, CONFIG, WEIGHTS
from foveate.rerankers.lora.recipe import Recipe

if TYPE_CHECKING:
    from foveate.rerankers.lora.run import Run

__all__ = ["CHECKPOINT", "Written", "fingerprint", "ready", "spent", "write"]

CHECKPOINT = "checkpoint.safetensors"
_FRESH = ".new"
"""Folder of files that are not whole yet."""


class Written(Protocol):
    """The card of a training."""

    @property
    def base_name(self) -> str:
        """Of the base's folder."""

    @property
    def fingerprint(self) -> str:
        """Of recipe, data and base."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""

    def to_markdown(self) -> str:
        """For people."""


C = TypeVar("C", bound=Written)


def fingerprint(recipe: Recipe, found: Mapping[str, str], kind: str = "training") -> str:
    """Of a training: ``found`` holds the digests of ``data`` and ``base``."""
    return digest(kind, json.dumps(recipe.deciding(), sort_keys=True), found["data"], found["base"])


def ready(out: Path, mark: str, resume: bool, read: Callable[[Path], C]) -> C | None:
    """Make the folder; the card when the very same run has ended in it.

    Args:
        out: the folder.
        mark: the run's fingerprint.
        resume: False deletes what an earlier run left.
        read: of the card.

    Raises:
        CallerError: the folder holds something else, or an adapter of another run.
    """
    if out.exists() and not out.is_dir():
        raise CallerError(f"{str(out)!r} is not a folder")
    known = {CONFIG, WEIGHTS, CARD, "README.md", CHECKPOINT, f"{CHECKPOINT}.new"}
    found = [file.name for file in out.iterdir()] if out.exists() else []
    foreign = sorted(set(found) - known - {_FRESH})
    if foreign:
        raise CallerError(f"{str(out)!r} holds {foreign[0]!r}: train into a folder of its own")
    if not resume:
        for name in known:
            (out / name).unlink(missing_ok=True)
    elif (out / CARD).exists():
        card = read(out)
        if card.fingerprint != mark:
            raise CallerError(
                f"{str(out)!r} holds an adapter of another recipe, data or base; use --fresh to replace it"
            )
        return card
    out.mkdir(parents=True, exist_ok=True)
    return None


def spent(run: "Run") -> dict[str, Any]:
    """Steps, seconds, pace and history, as cards hold them."""
    state = run.state
    return {
        "steps": state["step"],
        "best_step": state["best_step"],
        "seconds": round(state["seconds"], 1),
        "pairs_per_s": round(state["seen"] / max(state["training_s"], 1e-9), 2),
        "history": tuple(state["history"]),
    }


def write(out: Path, model: Any, card: Written) -> None:
    """The adapter as peft and vLLM read it. Written beside and moved, the card last: with it, the folder is whole.

    peft's own writer keeps the modules as a set, so two runs would differ in bytes.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    fresh = out / _FRESH
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    config = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": card.base_name, "inference_mode": True}
    config["target_modules"] = sorted(config["target_modules"])
    text = json.dumps(config, indent=2, sort_keys=True, default=str)
    (fresh / CONFIG).write_text(text + "\n", encoding="utf-8")
    weights = {name: part.detach().contiguous() for name, part in get_peft_model_state_dict(model).items()}
    if not weights:
        raise ModelError(f"no weights to write into {str(out)!r}")
    save_file(weights, fresh / WEIGHTS, metadata={"format": "pt"})
    (fresh / "README.md").write_text(card.to_markdown(), encoding="utf-8")
    (fresh / CARD).write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")
    for name in (CONFIG, WEIGHTS, "README.md", CARD):
        os.replace(fresh / name, out / name)
    fresh.rmdir()
    (out / CHECKPOINT).unlink(missing_ok=True)
