"""Which samples a reader should look at: those that failed, those that scored worst, those nobody scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from foveate.evals.report.rows import SampleRow
from foveate.evals.report.run import TaskRows

__all__ = ["COUNT", "Failure", "deciding", "failures"]

COUNT = 40
"""Samples of a task that a report shows unless told otherwise."""
Kind = Literal["error", "wrong", "unscored"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A sample worth looking at."""

    row: SampleRow
    kind: Kind
    """``error``: it failed; ``wrong``: less than the best score; ``unscored``: no figure came of it."""
    scores: Mapping[str, float]
    """By metric, where a metric has one value a sample; NaN is unscored."""


def failures(task: TaskRows, count: int = COUNT) -> tuple[Failure, ...]:
    """Up to ``count`` samples: errors first, then the wrong ones from the worst, then the unscored.

    Every kind gets its place: errors and unscored take at most a quarter each while wrong ones are left.
    """
    metric = deciding(task)
    badness = _badness(task, metric)
    scores = _scores(task)
    kinds: dict[Kind, list[int]] = {"error": [], "wrong": [], "unscored": []}
    for number, row in enumerate(task.rows):
        if row.error is not None:
            kinds["error"].append(number)
        elif np.isnan(badness[number]):
            kinds["unscored"].append(number)
        elif badness[number] > 0:
            kinds["wrong"].append(number)
    kinds["wrong"].sort(key=lambda number: (-badness[number], number))
    room = _room({kind: len(found) for kind, found in kinds.items()}, count)
    return tuple(
        Failure(row=task.rows[number], kind=kind, scores=scores[number])
        for kind, found in kinds.items()
        for number in found[: room[kind]]
    )


def deciding(task: TaskRows) -> str | None:
    """The metric that says which sample is worst: the first with one value a sample, else the first of confidence."""
    wide = {name: task.columns(name).shape[1] for name in task.figures}
    return next((name for name, columns in wide.items() if columns == 1), next(iter(wide), None))


def _badness(task: TaskRows, metric: str | None) -> Sequence[float]:
    """Above 0 is wrong, more is worse, NaN unscored.

    Of one column, the distance to 1 (or, where lower is better, to 0): metrics of this package lie in [0, 1]; one that
    goes beyond counts from the best score there is. Of confidence and right, the confidence in what was wrong.
    """
    if metric is None:
        return [float("nan")] * len(task.rows)
    columns = task.columns(metric)
    if columns.shape[1] > 1:
        return [float(row[0] * (1 - row[1]) if row[1] < 1 else 0 * row[0]) for row in columns[:, :2]]
    values = columns[:, 0]
    if task.figures[metric].better == "lower":
        return [float(value) for value in values]
    best = max(1.0, float(np.nanmax(values))) if not np.isnan(values).all() else 1.0
    return [float(best - value) for value in values]


def _scores(task: TaskRows) -> list[dict[str, float]]:
    single = {name: found[:, 0] for name in task.figures for found in (task.columns(name),) if found.shape[1] == 1}
    return [{name: float(values[number]) for name, values in single.items()} for number in range(len(task.rows))]


def _room(there: Mapping[Kind, int], count: int) -> dict[Kind, int]:
    quarter = max(1, count // 4)
    room: dict[Kind, int] = {
        "error": min(there["error"], quarter),
        "wrong": 0,
        "unscored": min(there["unscored"], quarter),
    }
    room["wrong"] = min(there["wrong"], max(0, count - room["error"] - room["unscored"]))
    for kind in ("error", "unscored"):
        left = count - sum(room.values())
        room[kind] += max(0, min(there[kind] - room[kind], left))
    return room
