"""Interval of any statistic over clustered samples: the BCa bootstrap, widened.

Shapes: m scored samples, c columns, g clusters, d draws.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from foveate.evals.metrics.metric import Columns
from foveate.evals.stats.clusters import Clusters
from foveate.evals.stats.quantiles import normal_cdf, normal_point, student_point

__all__ = ["bca"]

_BLOCKS = 200
"""At most this many leave-outs: beyond, clusters are left out by the block, and the cost stays that of 200."""
# A statistic far off its draws' median (a calibration error near 0) is not corrected beyond this.
_MOST_BIAS = 1.5


def bca(
    clusters: Clusters, statistic: Callable[[Columns], float], value: float, level: float, draws: int, seed: int
) -> tuple[float, float] | None:
    """Bias-corrected and accelerated bootstrap (Efron, JASA 1987) over whole clusters.

    The normal points are widened to Student's at Kish's number of clusters (Hesterberg, The American Statistician,
    2015), and further where the jackknife's standard error is larger than the draws'.

    Args:
        clusters: two or more.
        statistic: (m, c) -> a figure; NaN where it does not exist, such draws are left out.
        value: the statistic of all rows.
        level: of confidence.
        draws: how many.
        seed: of the draws.

    Returns:
        Low and high; None where half of the draws have no figure or all have the same.
    """
    rng = np.random.default_rng(seed)
    drawn = _draws(clusters, statistic, draws, rng)
    left_out = _jackknife(clusters, statistic, rng)
    if 2 * len(drawn) <= draws or len(left_out) < 2 or np.ptp(drawn) <= 1e-12 * max(1.0, abs(value)):
        return None
    influence = left_out.mean() - left_out
    squares = float((influence**2).sum())
    skew = float((influence**3).sum()) / (6.0 * squares**1.5) if squares > 0.0 else 0.0
    error = np.sqrt((len(left_out) - 1) / len(left_out) * squares)
    sizes = clusters.sizes.astype(np.float64)
    equal = float(sizes.sum() ** 2 / (sizes**2).sum())
    reach = student_point((1.0 + level) / 2.0, max(1.0, equal - 1.0)) * max(1.0, float(error / drawn.std(ddof=1)))
    below = float((drawn < value).mean() + (drawn <= value).mean()) / 2.0
    tail = 1.0 / (2.0 * len(drawn))
    bias = max(-_MOST_BIAS, min(_MOST_BIAS, normal_point(max(tail, min(1.0 - tail, below)))))
    low, high = np.quantile(drawn, [_share(-reach, bias, skew), _share(reach, bias, skew)])
    return float(low), float(high)


def _share(point: float, bias: float, skew: float) -> float:
    """Share of the draws below BCa's bound for a normal point."""
    shifted = bias + point
    # Past 1 / skew the formula turns back on itself; the farthest draw is then all there is.
    scale = 1.0 - skew * shifted
    if scale <= 0.0:
        return 1.0 if shifted > 0.0 else 0.0
    return normal_cdf(bias + shifted / scale)


def _draws(
    clusters: Clusters, statistic: Callable[[Columns], float], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(up to d) figures of resampled clusters."""
    count = len(clusters.sizes)
    found = [statistic(clusters.columns[clusters.rows(rng.integers(0, count, count))]) for _ in range(draws)]
    return _known(found)


def _jackknife(
    clusters: Clusters, statistic: Callable[[Columns], float], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(up to min(g, 200)) figures, each without one block of clusters."""
    blocks = np.array_split(rng.permutation(len(clusters.sizes)), min(_BLOCKS, len(clusters.sizes)))
    found = []
    for block in blocks:
        keep = np.ones(len(clusters.columns), dtype=bool)
        keep[clusters.rows(block)] = False
        found.append(statistic(clusters.columns[keep]))
    return _known(found)


def _known(found: list[float]) -> NDArray[np.float64]:
    values = np.array(found, dtype=np.float64)
    return values[~np.isnan(values)]
