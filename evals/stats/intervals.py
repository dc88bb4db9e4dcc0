"""Intervals that say how far a figure may lie from what more samples would give."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns, mean
from foveate.evals.stats.bca import bca
from foveate.evals.stats.clusters import Clusters, clustered
from foveate.evals.stats.means import Bounds, Spread, bootstrap_t, difference_of_shares, spread_of, student, wilson
from foveate.evals.stats.quantiles import check_share

__all__ = ["Interval", "interval", "known"]

# Below, too few different draws exist; above, Student's and the bootstrap's points agree to a hundredth.
_FEWEST_TO_DRAW, _MOST_TO_DRAW = 8, 2_500
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A figure with its bounds."""

    value: float
    """NaN where it does not exist."""
    low: float
    """NaN where nothing can be said."""
    high: float
    level: float
    """Share of such intervals that hold the true figure: 0.95."""
    scored: int
    unscored: int
    """Samples left out because a column was NaN."""
    clusters: int
    """Media among the scored samples; samples without group count one each."""
    draws: int
    """Bootstrap draws taken; 0 where the method needs none."""
    seed: int
    method: str
    """In words; ``none: ...`` with the reason where there are no bounds."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form; NaN becomes None."""
        return {
            "value": known(self.value),
            "low": known(self.low),
            "high": known(self.high),
            "level": self.level,
            "scored": self.scored,
            "unscored": self.unscored,
            "clusters": self.clusters,
            "draws": self.draws,
            "seed": self.seed,
            "method": self.method,
        }


def interval(
    columns: Columns,
    statistic: Callable[[Columns], float] = mean,
    groups: Sequence[str] = (),
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    bounds: Bounds | None = None,
    binary: bool = True,
) -> Interval:
    """Confidence interval of a statistic over samples that share media.

    A mean of scores within known bounds (given, or seen to be all 0 or 1): Wilson's at the effective number of
    samples. Any other mean: bootstrap-t over whole clusters. Any other statistic: BCa over whole clusters. Equal for
    any order of the rows and for any run with the same seed.

    Args:
        columns: (n, c); a row with a NaN is unscored, left out and counted.
        statistic: (m, c) scored rows -> the figure; :func:`~foveate.evals.metrics.metric.mean` has fast paths.
        groups: (n) media of each sample, drawn together; an empty string stands alone. Nothing: all stand alone.
        level: share of intervals that should hold the true figure.
        draws: bootstrap draws.
        seed: of the draws.
        bounds: least and greatest value a score (of other statistics: the figure) can have. Give them where they
            are known: near a bound the interval is then shorter, and has a width even when all scores are equal.
        binary: whether scores that all are 0 or 1 are taken to have these bounds when none are given.

    Raises:
        CallerError: shapes that do not fit, ``level`` or ``draws`` out of range, a score outside ``bounds``.
    """
    check_share("level", level)
    if draws < 1:
        raise CallerError(f"draws must be at least 1, found {draws!r}")
    clusters = clustered(columns, groups or [""] * len(columns))
    _check_bounds(clusters, statistic, bounds)
    if bounds is None and binary and statistic is mean and _only(clusters.columns, 0.0, 1.0):
        bounds = (0.0, 1.0)
    value = statistic(clusters.columns) if len(clusters.columns) else _NAN
    low, high, taken, method = _bounds(clusters, statistic, value, (level, draws, seed), bounds)
    if statistic is mean:  # neither rounding nor Agresti and Min's pull towards 0 may leave the figure outside
        low, high = float(np.minimum(low, value)), float(np.maximum(high, value))
    return Interval(
        value=value,
        low=low,
        high=high,
        level=level,
        scored=len(clusters.columns),
        unscored=clusters.unscored,
        clusters=len(clusters.sizes),
        draws=taken,
        seed=seed,
        method=method,
    )


def known(value: float) -> float | None:
    """JSON form of a figure: NaN is None."""
    return None if math.isnan(value) else value


_Found = tuple[float, float, int, str]
_Drawing = tuple[float, int, int]


def _bounds(
    clusters: Clusters,
    statistic: Callable[[Columns], float],
    value: float,
    drawing: _Drawing,
    bounds: Bounds | None,
) -> _Found:
    if not len(clusters.columns):
        return _none("no scored samples")
    if math.isnan(value):
        return _none("the figure does not exist")
    if len(clusters.sizes) < 2:
        return _none("one cluster")
    if statistic is mean:
        return _mean(clusters, drawing, bounds)
    found = bca(clusters, statistic, value, *drawing)
    if found is None:
        return _none("the draws do not vary or mostly have no figure")
    low, high = bounds or (-math.inf, math.inf)
    return max(low, found[0]), min(high, found[1]), drawing[1], "BCa bootstrap over clusters"


def _mean(clusters: Clusters, drawing: _Drawing, bounds: Bounds | None) -> _Found:
    level, draws, seed = drawing
    spread = spread_of(clusters)
    values = clusters.columns[:, 0]
    if bounds == (-1.0, 1.0) and _only(clusters.columns, -1.0, 0.0, 1.0):
        return _shares(values, spread, level)
    if bounds is not None:
        return *wilson(spread, level, bounds), 0, "Wilson at the effective number of samples"
    if spread.variance <= 0.0:
        return _none("all scores are equal and no bounds are known")
    if not _FEWEST_TO_DRAW <= spread.clusters <= _MOST_TO_DRAW:
        return *student(spread, level), 0, "cluster-robust t"
    return *bootstrap_t(clusters, spread, level, draws, seed), draws, "bootstrap-t over clusters"


def _shares(values: Columns, spread: Spread, level: float) -> _Found:
    gained, lost = float((values > 0).mean()), float((values < 0).mean())
    return *difference_of_shares(spread, gained, lost, level), 0, "Agresti-Min at the effective number of samples"


def _only(columns: Columns, *values: float) -> bool:
    return bool(np.isin(columns[:, 0], values).all())


def _none(reason: str) -> _Found:
    return _NAN, _NAN, 0, f"none: {reason}"


def _check_bounds(clusters: Clusters, statistic: Callable[[Columns], float], bounds: Bounds | None) -> None:
    if bounds is None:
        return
    low, high = bounds
    if not low < high or math.isinf(low) or math.isinf(high):
        raise CallerError(f"bounds must be finite and (low, high) with low < high, found {bounds!r}")
    values = clusters.columns[:, 0]
    outside = values[(values < low) | (values > high)]
    if statistic is mean and len(outside):
        raise CallerError(f"a score of {float(outside[0])!r} lies outside the bounds {bounds!r}")
