"""What an adapter that replies was made of and what it is worth."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from foveate.errors import ModelError
from foveate.rerankers.lora.adapters import CARD
from foveate.rerankers.lora.completion_figures import CompletionFigures, ReplyFigures
from foveate.rerankers.lora.completions import Completion, by_key

__all__ = ["CompletionCard", "CompletionCounts", "count_completions", "read_completion_card"]

_ROWS = ("completions", "loss", "token_accuracy", "exact")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionCounts:
    """Size of one side of the data."""

    completions: int
    groups: int
    tasks: Mapping[str, int]
    """Completions by task, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionCard:
    """One training on replies."""

    base_name: str
    base_digest: str
    """See :func:`foveate.rerankers.lora.bases.base_digest`."""
    data_digest: str
    """See :func:`foveate.rerankers.lora.completions.completions_digest`."""
    train: CompletionCounts
    held_out: CompletionCounts
    recipe: Mapping[str, Any]
    fingerprint: str
    """Of recipe, data and base: a run goes on only with the same."""
    steps: int
    best_step: int
    """The step whose weights were kept: lowest held-out loss."""
    ended_by: str
    """``epochs``, ``steps``, ``minutes`` or ``patience``."""
    before: CompletionFigures
    """The base alone, on the held-out completions that are measured."""
    after: CompletionFigures
    """With the adapter, on the same."""
    seconds: float
    """Wall time, measurements included."""
    completions_per_s: float
    """While training, measurements left out."""
    tokens_per_s: float
    """The same; what is shared counts once."""
    versions: Mapping[str, str]
    history: Sequence[Mapping[str, float]] = field(default_factory=tuple)
    """One entry a measurement: step, loss of training since the last one, held-out loss."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"format": 1, "kind": "reasoner", **asdict(self)}

    def to_markdown(self) -> str:
        """For people."""
        head = ["task", *(f"{name}{side}" for name in _ROWS[1:] for side in ("", ", adapter")), "measured"]
        rows = [_row(task, self.before.tasks[task], found) for task, found in self.after.tasks.items()]
        recipe = [f"| {key} | {value} |" for key, value in self.recipe.items()]
        trained = ", ".join(f"{count} {task}" for task, count in self.train.tasks.items())
        parts = [
            f"# Reasoning adapter for {self.base_name}",
            f"Base model {self.base_digest}, data {self.data_digest}. Trained on {self.train.completions} completions "
            f"of {self.train.groups} groups ({trained}) in {self.seconds / 60:.1f} minutes, {self.steps} steps, "
            f"ended by {self.ended_by}; the weights are those of step {self.best_step}.",
            f"## On {self.after.whole.completions} of {self.held_out.completions} held-out completions of "
            f"{self.held_out.groups} groups",
            "Each token is foretold from the true ones before it; a reply is exact where greedy decoding gives it.",
            "\n".join(
                [_line(head), _line(["---"] * len(head)), *rows, _row("all", self.before.whole, self.after.whole)]
            ),
            "## Recipe",
            "\n".join(["| key | value |", "| --- | --- |", *recipe]),
            "Versions: " + ", ".join(f"{key} {value}" for key, value in self.versions.items()) + ".",
        ]
        return "\n\n".join(parts) + "\n"


def count_completions(completions: Sequence[Completion]) -> CompletionCounts:
    """Count completions, groups and tasks."""
    tasks = sorted(item.task for item in completions)
    return CompletionCounts(
        completions=len(completions),
        groups=len(by_key(completions)),
        tasks={task: tasks.count(task) for task in dict.fromkeys(tasks)},
    )


def read_completion_card(folder: Path) -> CompletionCard:
    """The card that training wrote.

    Raises:
        ModelError: there is none, or it is not one.
    """
    path = folder / CARD
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        sides = {key: CompletionCounts(**body[key]) for key in ("train", "held_out")}
        worth = {key: CompletionFigures.from_dict(body[key]) for key in ("before", "after")}
        kept = {key: value for key, value in body.items() if key not in ("format", "kind")}
        return CompletionCard(**(kept | sides | worth | {"history": tuple(kept["history"])}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{str(path)!r} is no card of a training on completions: {error}") from error


def _row(task: str, before: ReplyFigures, after: ReplyFigures) -> str:
    pairs = [f"{getattr(figures, name):.4f}" for name in _ROWS[1:] for figures in (before, after)]
    return _line([task, *pairs, str(after.completions)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
