"""What a judge is worth on weighed items: the figures with their intervals, items of a concept drawn together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.agent.answerability.judge import Judgement
from foveate.evals.metrics.calibration import auroc, brier, ece
from foveate.evals.metrics.risk import aurc
from foveate.evals.stats import interval
from foveate.evals.stats.intervals import known
from foveate.evals.unanswerable.gather import Gathered

__all__ = ["Figure", "accuracy", "by_form", "calibration", "detection", "dual", "realised", "shown"]

Array = NDArray[np.float64]
_DRAWS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Rounded; an end of the interval that is not known is None."""
        ends = [known(round(end, 3)) for end in (self.low, self.high)]
        return {"value": round(self.value, 4), "interval": ends, "n": self.n}


def detection(rows: Sequence[Gathered], scores: Sequence[float]) -> Figure:
    """AUROC of a score for what can be answered."""
    columns = np.array([[score, row.answerable] for row, score in zip(rows, scores, strict=True)], float)
    return _figure(columns, rows, auroc)


def by_form(rows: Sequence[Gathered], scores: Sequence[float]) -> dict[str, Figure]:
    """AUROC of each form that cannot be answered, against everything of the same source that can."""
    found = {}
    for form in sorted({row.form for row in rows if not row.answerable}):
        sources = {row.source for row in rows if row.form == form}
        kept = [
            (row, score)
            for row, score in zip(rows, scores, strict=True)
            if row.form == form or (row.answerable and row.source in sources)
        ]
        found[form] = detection([row for row, _ in kept], [score for _, score in kept])
    return found


def calibration(rows: Sequence[Gathered], said: Sequence[Judgement]) -> dict[str, Figure]:
    """ECE and Brier score of the confidence as the probability that answering is right; area under risk-coverage."""
    columns = np.array([[one.confidence, row.right] for row, one in zip(rows, said, strict=True)], float)
    return {
        name: _figure(columns, rows, statistic) for name, statistic in (("ece", ece), ("brier", brier), ("aurc", aurc))
    }


def realised(rows: Sequence[Gathered], said: Sequence[Judgement], threshold: float) -> dict[str, Figure]:
    """Share of wrong answers among those given at a threshold, and how many are given."""
    columns = np.array(
        [[one.confidence >= threshold, not row.right] for row, one in zip(rows, said, strict=True)], float
    )
    return {
        "risk": _figure(columns, rows, lambda one: float((one[:, 0] * one[:, 1]).sum() / max(one[:, 0].sum(), 1.0))),
        "coverage": _figure(columns, rows, lambda one: float(one[:, 0].mean())),
    }


def accuracy(rows: Sequence[Gathered], said: Sequence[Judgement], threshold: float) -> dict[str, Figure]:
    """Right answers of what can be answered: without abstaining, at a threshold, and what abstaining costs."""
    kept = [(row, one) for row, one in zip(rows, said, strict=True) if row.answerable]
    columns = np.array([[row.right, row.right and one.confidence >= threshold] for row, one in kept], float)
    asked = [row for row, _ in kept]
    return {
        "never_abstaining": _figure(columns, asked, lambda one: float(one[:, 0].mean())),
        "abstaining": _figure(columns, asked, lambda one: float(one[:, 1].mean())),
        "cost": _figure(columns, asked, lambda one: float((one[:, 0] - one[:, 1]).mean())),
    }


def dual(rows: Sequence[Gathered], said: Sequence[Judgement], threshold: float) -> dict[str, Figure]:
    """MM-UPD's dual accuracy of each form: the standard item is answered right, and its twin is not answered.

    A twin with an option that says that none is right is not answered by choosing that one.
    """
    standard = {_base(row): _given(row, one, threshold) and row.right for row, one in _pairs(rows, said, "standard")}
    found = {}
    for form in ("aad", "iasd", "ivqd"):
        twins = [(row, one) for row, one in _pairs(rows, said, form) if _base(row) in standard]
        if twins:
            columns = np.array(
                [[standard[_base(row)] and not _given(row, one, threshold)] for row, one in twins], float
            )
            found[form] = _figure(columns, [row for row, _ in twins], lambda one: float(one.mean()))
    return found


def _base(row: Gathered) -> tuple[str, str]:
    return row.pair, row.setting


def _given(row: Gathered, one: Judgement, threshold: float) -> bool:
    return one.confidence >= threshold and row.choice is not None


def _pairs(rows: Sequence[Gathered], said: Sequence[Judgement], form: str) -> list[tuple[Gathered, Judgement]]:
    return [(row, one) for row, one in zip(rows, said, strict=True) if row.form == form]


def _figure(columns: Array, rows: Sequence[Gathered], statistic: Callable[[Array], float]) -> Figure:
    found = interval(columns, statistic, [row.group for row in rows], draws=_DRAWS)
    return Figure(value=found.value, low=found.low, high=found.high, n=len(rows))


def shown(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """For JSON."""
    return {name: figure.to_dict() for name, figure in figures.items()}
