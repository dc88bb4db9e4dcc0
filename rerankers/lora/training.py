"""Train a reranker's adapter: pairs in, a folder out that :func:`check_adapter` accepts."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.ids import digest
from foveate.rerankers.lora.adapters import CARD, CONFIG, WEIGHTS
from foveate.rerankers.lora.bases import base_digest, base_folder, sees
from foveate.rerankers.lora.card import Card, count, read_card, versions, write_card
from foveate.rerankers.lora.learners import Learner
from foveate.rerankers.lora.pairs import Pair, by_group, pairs_digest, read_pairs, split_pairs
from foveate.rerankers.lora.recipe import Recipe

if TYPE_CHECKING:
    from foveate.rerankers.lora.run import Run, TrainProgress

__all__ = ["train_reranker"]

CHECKPOINT = "checkpoint.safetensors"
_FRESH = ".new"
"""Folder of files that are not whole yet."""


def train_reranker(
    recipe: Recipe,
    pairs: Sequence[Pair] | Path,
    out: Path,
    progress: "Callable[[TrainProgress], object] | None" = None,
    resume: bool = True,
) -> Card:
    """Train a LoRA adapter on yes/no pairs, keep the weights with the lowest held-out loss, write them with a card.

    Kill it whenever you like: the same call goes on, and gives the weights of an uninterrupted run unless
    ``max_minutes`` ends it first.

    Args:
        recipe: how.
        pairs: labelled pairs, or the JSONL file that holds them.
        out: folder of the adapter; made, and while training it holds the checkpoint.
        progress: told after each step.
        resume: go on with a checkpoint, or return the card of a finished run, if recipe, data and base are the same;
            False begins again and overwrites.

    Raises:
        CallerError: the data lack one side, or ``out`` holds something else.
        ExtraMissing: without torch, transformers or peft.
        ModelError: the base is missing or unsafe, or the training broke down.
    """
    data = read_pairs(pairs) if isinstance(pairs, Path) else list(pairs)
    train, held_out = split_pairs(data, recipe.held_out)
    folder = base_folder(recipe.base)
    found = {"data": pairs_digest(data), "base": base_digest(folder)}
    mark = _fingerprint(recipe, found)
    if (done := _ready(out, mark, resume)) is not None:
        return done
    try:
        import torch

        from foveate.rerankers.lora.run import Run
    except ModuleNotFoundError as error:
        raise ExtraMissing((error.name or "torch").partition(".")[0], "embedded") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        learner = _learner(folder, recipe)
        measured = _first(held_out, recipe.held_out_pairs)
        run = Run(learner, recipe, (train, measured), out / CHECKPOINT, mark, progress or (lambda _: None))
        if resume:
            run.resume()
        ended = run.go()
    card = Card(
        base_name=folder.absolute().name,
        base_digest=found["base"],
        data_digest=found["data"],
        train=count(train),
        held_out=count(held_out),
        recipe=recipe.model_dump(mode="json") | {"base": folder.absolute().name},
        fingerprint=mark,
        ended_by=ended,
        before=run.before,
        after=run.after,
        versions=versions(),
        **_spent(run),
    )
    _write(out, learner.model, card)
    return card


def _fingerprint(recipe: Recipe, found: dict[str, str]) -> str:
    """Minutes do not count: a run may be given more of them."""
    body = recipe.model_dump(mode="json", exclude={"base", "max_minutes"})
    return digest("training", json.dumps(body, sort_keys=True), found["data"], found["base"])


def _ready(out: Path, mark: str, resume: bool) -> Card | None:
    """Make the folder; the card when the very same run has ended in it."""
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
        card = read_card(out)
        if card.fingerprint != mark:
            raise CallerError(
                f"{str(out)!r} holds an adapter of another recipe, data or base; use --fresh to replace it"
            )
        return card
    out.mkdir(parents=True, exist_ok=True)
    return None


def _learner(folder: Path, recipe: Recipe) -> Learner:
    if sees(folder):
        from foveate.rerankers.lora.vision_training import VisionLearner

        return VisionLearner(folder, recipe)
    from foveate.rerankers.lora.text_training import TextLearner

    return TextLearner(folder, recipe)


def _first(pairs: Sequence[Pair], limit: int | None) -> list[Pair]:
    """Whole questions up to ``limit`` pairs, in an order that says nothing of them."""
    chosen: list[Pair] = []
    for _, group in sorted(by_group(pairs).items(), key=lambda item: digest("measured", item[0])):
        if limit is not None and chosen and len(chosen) + len(group) > limit:
            break
        chosen += group
    return chosen


def _spent(run: "Run") -> dict[str, Any]:
    state = run.state
    return {
        "steps": state["step"],
        "best_step": state["best_step"],
        "seconds": round(state["seconds"], 1),
        "pairs_per_s": round(state["seen"] / max(state["training_s"], 1e-9), 2),
        "history": tuple(state["history"]),
    }


def _write(out: Path, model: Any, card: Card) -> None:
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
    write_card(fresh, card)
    for name in (CONFIG, WEIGHTS, "README.md", CARD):
        os.replace(fresh / name, out / name)
    fresh.rmdir()
    (out / CHECKPOINT).unlink(missing_ok=True)
