"""What an adapter was made of and what it is worth: ``foveate_adapter.json`` and ``README.md`` beside the weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from foveate.errors import ModelError
from foveate.rerankers.lora.adapters import CARD
from foveate.rerankers.lora.figures import Figures
from foveate.rerankers.lora.pairs import Pair, by_group

__all__ = ["Card", "Counts", "count", "read_card", "versions"]

_PACKAGES = ("foveate", "torch", "transformers", "peft", "tokenizers")


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Size of one side of the data."""

    pairs: int
    questions: int
    matches: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One training."""

    base_name: str
    base_digest: str
    """See :func:`foveate.rerankers.lora.bases.base_digest`."""
    data_digest: str
    """See :func:`foveate.rerankers.lora.pairs.pairs_digest`."""
    train: Counts
    held_out: Counts
    recipe: Mapping[str, Any]
    fingerprint: str
    """Of recipe, data and base: a run goes on only with the same."""
    steps: int
    best_step: int
    """The step whose weights were kept: lowest held-out loss."""
    ended_by: str
    """``epochs``, ``steps``, ``minutes`` or ``patience``."""
    before: Figures
    """The base alone, on the held-out pairs."""
    after: Figures
    """With the adapter, on the same pairs."""
    seconds: float
    """Wall time, measurements included."""
    pairs_per_s: float
    """While training, measurements left out."""
    versions: Mapping[str, str]
    history: Sequence[Mapping[str, float]] = field(default_factory=tuple)
    """One entry a measurement: step, loss of training since the last one, held-out loss."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"format": 1, "kind": "reranker", **asdict(self)}

    def to_markdown(self) -> str:
        """For people."""
        rows = [
            f"| {name} | {_number(getattr(self.before, name))} | {_number(getattr(self.after, name))} |"
            for name in ("loss", "auroc", "accuracy", "ece", "ndcg")
        ]
        recipe = [f"| {key} | {value} |" for key, value in self.recipe.items()]
        parts = [
            f"# Reranker adapter for {self.base_name}",
            f"Base model {self.base_digest}, data {self.data_digest}. Trained on {self.train.pairs} pairs of "
            f"{self.train.questions} questions ({self.train.matches} match) in {self.seconds / 60:.1f} minutes, "
            f"{self.steps} steps, ended by {self.ended_by}; the weights are those of step {self.best_step}.",
            f"## On {self.held_out.pairs} held-out pairs of {self.held_out.questions} questions "
            f"({self.after.pairs} measured)",
            "\n".join(["| figure | base | adapter |", "| --- | --- | --- |", *rows]),
            "## Recipe",
            "\n".join(["| key | value |", "| --- | --- |", *recipe]),
            "Versions: " + ", ".join(f"{key} {value}" for key, value in self.versions.items()) + ".",
        ]
        return "\n\n".join(parts) + "\n"


def count(pairs: Sequence[Pair]) -> Counts:
    """Count pairs, questions and matches."""
    return Counts(pairs=len(pairs), questions=len(by_group(pairs)), matches=sum(pair.label for pair in pairs))


def versions() -> dict[str, str]:
    """Of the packages that decide the weights."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_card(folder: Path) -> Card:
    """The card that training wrote.

    Raises:
        ModelError: there is none, or it is not one.
    """
    path = folder / CARD
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        sides = {key: Counts(**body[key]) for key in ("train", "held_out")}
        worth = {key: Figures(**body[key]) for key in ("before", "after")}
        kept = {key: value for key, value in body.items() if key not in ("format", "kind")}
        return Card(**(kept | sides | worth | {"history": tuple(kept["history"])}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{str(path)!r} is no card of a training: {error}") from error


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
