"""Two runs of the same data side by side, as records."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from foveate.evals.report.figures import number, spread
from foveate.evals.report.plots import Point

__all__ = ["Comparison", "Difference", "Finding"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One metric of a task in both runs. NaN is unknown."""

    task: str
    metric: str
    better: str
    """``higher`` or ``lower``."""
    a: float
    """Figure of the first run over all that it scored."""
    b: float
    difference: float
    """b - a over the samples that both scored; of a baseline, of the figures themselves."""
    low: float
    high: float
    """Interval of the difference; NaN for a baseline."""
    p_value: float
    """Of the paired permutation test; NaN for a baseline."""
    adjusted: float
    """The p-value after Holm's correction over the comparison."""
    n: int
    """Samples that both scored; of a baseline, those that the run scored."""
    clusters: int | None
    dropped: int
    """Samples that only one of them scored, or neither."""
    lost: int
    """Samples that the first scored and the second did not; below 0 it is the other way round."""
    slice: tuple[str, str] | None = None
    """Property and value, of a slice."""

    @property
    def gain(self) -> float:
        """How much better the second is: the difference, turned where lower is better."""
        return self.difference if self.better == "higher" else -self.difference

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval lies on one side of 0; None without one."""
        if math.isnan(self.low) or math.isnan(self.high):
            return None
        return self.low > 0 or self.high < 0

    @property
    def label(self) -> str:
        """``plain recall@3`` or ``plain recall@3, language: de``."""
        of = f", {self.slice[0]}: {self.slice[1]}" if self.slice else ""
        return f"{self.task} {self.metric}{of}"

    def to_dict(self) -> dict[str, Any]:
        """JSON form; NaN becomes None."""
        names = ("a", "b", "difference", "low", "high", "p_value", "adjusted")
        return {
            "task": self.task,
            "metric": self.metric,
            "slice": list(self.slice) if self.slice else None,
            "better": self.better,
            **{name: _known(getattr(self, name)) for name in names},
            "excludes_zero": self.excludes_zero,
            "n": self.n,
            "clusters": self.clusters,
            "dropped": self.dropped,
            "lost": self.lost,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a rule ``--fail-if-worse METRIC:DROP`` says of one task.

    The rule looks at the point estimate: it is broken where the second run is worse than the first by more than DROP,
    in the direction that is better for the metric, or has no figure where the first has one. Whether the interval of
    the difference excludes 0 is told beside it and decides nothing.
    """

    rule: str
    """As it was written."""
    limit: float
    """DROP."""
    difference: Difference
    broken: bool

    @property
    def drop(self) -> float:
        """How much worse the second run is; below 0 it is better."""
        return 0.0 - self.difference.gain

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        facts = self.difference.to_dict()
        return {"rule": self.rule, "limit": self.limit, "drop": _known(self.drop), "broken": self.broken, **facts}

    def __str__(self) -> str:
        found = self.difference
        moved = f"{found.label}: {number(found.a)} -> {number(found.b)}"
        if math.isnan(self.drop):
            return f"{moved} (rule {self.rule!r})"
        side = f"worse by {self.drop:.4g}" if self.drop > 0 else f"better by {-self.drop:.4g}" if self.drop else "equal"
        surely = {
            True: f"; the interval {spread(found.low, found.high, signed=True)} excludes 0",
            False: f"; the interval {spread(found.low, found.high, signed=True)} includes 0",
            None: "; no interval",
        }[found.excludes_zero]
        lost = f"; {found.lost} samples less were scored" if found.lost > 0 else ""
        return f"{moved}, {side} ({self.limit:g} is allowed by {self.rule!r}){surely}{lost}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two runs, or a baseline and a run, of the same data."""

    a: Mapping[str, str]
    """``path``, ``suite`` and ``target`` of the first."""
    b: Mapping[str, str]
    differences: tuple[Difference, ...]
    """By task and metric, in the suite's order; ``errors`` is the share of samples that failed."""
    slices: tuple[Difference, ...] = ()
    """The same by slice, a family of their own."""
    only_a: tuple[str, ...] = ()
    """What only the first has, not compared: ``task`` or ``task/metric``."""
    only_b: tuple[str, ...] = ()
    level: float = 0.95
    seed: int = 0
    draws: int = 0
    """0 where only figures are compared."""
    costs: tuple[Point, ...] = ()
    """Leading metrics of both with what they cost; empty for a baseline."""

    @property
    def paired(self) -> bool:
        """True of two runs; False against a baseline, where only figures are compared."""
        return self.draws > 0

    def lines(self) -> Iterator[str]:
        """The comparison as a table for a terminal."""
        from foveate.evals.report.differences import text_lines

        return text_lines(self)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "a": dict(self.a),
            "b": dict(self.b),
            "level": self.level,
            "seed": self.seed,
            "draws": self.draws,
            "differences": [found.to_dict() for found in self.differences],
            "slices": [found.to_dict() for found in self.slices],
            "only_a": list(self.only_a),
            "only_b": list(self.only_b),
        }

    def to_markdown(self) -> str:
        """The comparison as Markdown."""
        from foveate.evals.report.differences import to_markdown

        return to_markdown(self)

    def to_html(self) -> str:
        """The comparison as one HTML file with a forest plot; needs no other file and no network.

        Raises:
            ExtraMissing: matplotlib is not installed.
        """
        from foveate.evals.report.differences import to_html

        return to_html(self)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
