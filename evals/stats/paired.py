"""Two runs on the same samples: by how much they differ, and whether chance would do."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from foveate.evals.metrics.metric import Columns, mean
from foveate.evals.stats.clusters import Clusters, clustered, differences
from foveate.evals.stats.intervals import Interval, interval, known
from foveate.evals.stats.means import Bounds
from foveate.evals.stats.permutation import flip_signs, swap_clusters

__all__ = ["Paired", "paired"]

Better = Literal["higher", "lower"]
_INTERVAL_DRAWS = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """How run ``a`` compares with run ``b``."""

    difference: float
    """Figure of ``a`` less figure of ``b``; NaN where either does not exist."""
    low: float
    """Of the difference; NaN where nothing can be said."""
    high: float
    p_value: float
    """Two-sided, never 0; NaN where there is nothing to compare."""
    better: Literal["a", "b"] | None
    """The better run; None when the p-value does not exclude chance at ``level``."""
    level: float
    n: int
    """Samples scored in both runs."""
    clusters: int
    dropped: int
    """Samples left out because either run has no score."""
    draws: int
    """Random labellings drawn for the p-value; 0 where all were counted."""
    seed: int
    method: str
    """Of the test, then of the interval."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form; NaN becomes None."""
        return {
            "difference": known(self.difference),
            "low": known(self.low),
            "high": known(self.high),
            "p_value": known(self.p_value),
            "better": self.better,
            "level": self.level,
            "n": self.n,
            "clusters": self.clusters,
            "dropped": self.dropped,
            "draws": self.draws,
            "seed": self.seed,
            "method": self.method,
        }


def paired(
    a: Columns,
    b: Columns,
    statistic: Callable[[Columns], float] = mean,
    groups: Sequence[str] = (),
    *,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    better: Better = "higher",
    bounds: Bounds | None = None,
) -> Paired:
    """Paired permutation test of two runs, with the interval of their difference.

    Whole clusters swap labels: the mean by the signs of the clusters' summed differences, another statistic by the
    rows. Up to 12 clusters all labellings are counted. The interval comes from :func:`interval` over the differences
    (of binary scores Agresti and Min's); test and interval are made apart and may disagree at the edge.

    Args:
        a: (n, c), rows aligned with ``b``'s.
        b: (n, c).
        statistic: (m, c) scored rows -> the figure.
        groups: (n) media of each sample; an empty string stands alone. Nothing: all stand alone.
        draws: random labellings; the interval takes up to 2,000 draws of its own.
        seed: of both.
        level: of the interval; a p-value below 1 - level names the better run.
        better: which way the figure is good.
        bounds: least and greatest score, where known: then two runs that never differ have an interval too.

    Raises:
        CallerError: shapes that do not fit, ``level`` or ``draws`` out of range.
    """
    gaps = differences(a, b)
    both = np.concatenate([a, b], axis=1)  # (n, 2c)
    clusters = clustered(both, groups or [""] * len(a))
    names = list(groups or [""] * len(a))
    width = a.shape[1]
    if statistic is mean:
        found = interval(
            gaps,
            groups=names,
            level=level,
            draws=min(draws, _INTERVAL_DRAWS),
            seed=seed,
            bounds=_difference_bounds(clusters, width, bounds),
            binary=False,
        )
    else:

        def gap(rows: Columns) -> float:
            return statistic(rows[:, :width]) - statistic(rows[:, width:])

        found = interval(both, gap, names, level=level, draws=min(draws, _INTERVAL_DRAWS), seed=seed)
    p_value, taken = _p_value(clusters, width, statistic, found.value, draws, seed)
    return _record(found, p_value, taken, better)


def _difference_bounds(clusters: Clusters, width: int, bounds: Bounds | None) -> Bounds | None:
    """Of the difference; binary scores are known to lie in [0, 1]."""
    if len(clusters.columns) and np.isin(clusters.columns[:, [0, width]], (0.0, 1.0)).all():
        return -1.0, 1.0
    return None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])


def _p_value(
    clusters: Clusters,
    width: int,
    statistic: Callable[[Columns], float],
    difference: float,
    draws: int,
    seed: int,
) -> tuple[float, int]:
    """NaN with no draws where there is no difference to test."""
    if math.isnan(difference):
        return float("nan"), 0
    a, b = clusters.columns[:, :width], clusters.columns[:, width:]
    if statistic is mean:
        return flip_signs(clusters.sums(a[:, 0] - b[:, 0]), draws, seed)
    return swap_clusters(a, b, clusters, statistic, draws, seed)


def _record(found: Interval, p_value: float, draws: int, better: Better) -> Paired:
    winner: Literal["a", "b"] | None = None
    # Compared this way round, NaN names nobody. 1 - 0.95 is a little over 0.05.
    if p_value < round(1.0 - found.level, 12):
        winner = "a" if (found.value > 0.0) == (better == "higher") else "b"
    test = "paired permutation over clusters" + (f", {draws} draws" if draws else ", all labellings")
    return Paired(
        difference=found.value,
        low=found.low,
        high=found.high,
        p_value=p_value,
        better=winner,
        level=found.level,
        n=found.scored,
        clusters=found.clusters,
        dropped=found.unscored,
        draws=draws,
        seed=found.seed,
        method=f"{test}; {found.method}",
    )
