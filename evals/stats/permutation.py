"""Permutation tests of two runs on the same samples: under the null, which run said what is a coin toss a media.

Shapes: g clusters, d draws.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from foveate.evals.metrics.metric import Columns
from foveate.evals.stats.clusters import Clusters

__all__ = ["EXACT_CLUSTERS", "flip_signs", "swap_clusters"]

EXACT_CLUSTERS = 12
"""Up to this many clusters all 4,096 labellings are counted."""
# Labellings that differ from the observed one by rounding alone count as equal to it.
_ROUNDING = 1e-12
_CHUNK = 4_000_000

_Flips = NDArray[np.bool_]


def flip_signs(sums: NDArray[np.float64], draws: int, seed: int) -> tuple[float, int]:
    """Two-sided p-value that clusters' summed differences are centred on 0 (Fisher, 1935; Good, 2005).

    Args:
        sums: (g) sum of the differences in each cluster.
        draws: random labellings, where there are too many to count all.
        seed: of the draws.

    Returns:
        The p-value, never 0, and the labellings drawn; 0 where all were counted.
    """
    # A cluster without a difference is the same under both labels.
    moving = sums[sums != 0.0]
    total = float(moving.sum())
    edge = abs(total) - _ROUNDING * float(np.abs(moving).sum())

    def beyond(flips: _Flips) -> int:
        return int((np.abs(total - 2.0 * (flips @ moving)) >= edge).sum())

    return _counted(len(sums), len(moving), beyond, draws, seed)


def swap_clusters(
    a: Columns, b: Columns, clusters: Clusters, statistic: Callable[[Columns], float], draws: int, seed: int
) -> tuple[float, int]:
    """Two-sided p-value of ``statistic(a) - statistic(b)`` when whole clusters swap their rows between the runs.

    Args:
        a: (m, c) rows in the order of ``clusters``.
        b: (m, c) rows of the other run.
        clusters: which rows belong together.
        statistic: (m, c) -> a figure. A labelling without one counts as far out: the p-value only grows.
        draws: random labellings, where there are too many to count all.
        seed: of the draws.

    Returns:
        The p-value, never 0, and the labellings drawn; 0 where all were counted.
    """
    observed = abs(statistic(a) - statistic(b))

    def beyond(flips: _Flips) -> int:
        far = 0
        for flip in flips:
            swapped = np.repeat(flip, clusters.sizes)[:, None]  # (m, 1)
            found = abs(statistic(np.where(swapped, b, a)) - statistic(np.where(swapped, a, b)))
            far += not found < observed - _ROUNDING * max(1.0, observed)
        return far

    return _counted(len(clusters.sizes), len(clusters.sizes), beyond, draws, seed)


def _counted(clusters: int, moving: int, beyond: Callable[[_Flips], int], draws: int, seed: int) -> tuple[float, int]:
    """Share of the labellings that ``beyond`` counts: of all (of the moving clusters), or (r + 1) / (draws + 1)."""
    if clusters <= EXACT_CLUSTERS:
        every = (np.arange(1 << moving)[:, None] >> np.arange(moving)) & 1  # (2^moving, moving)
        return beyond(every.astype(bool)) / len(every), 0
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // max(1, moving))
    far = 0
    for done in range(0, draws, chunk):
        some = min(chunk, draws - done)
        bits = np.unpackbits(rng.integers(0, 256, (some, (moving + 7) // 8), dtype=np.uint8), axis=1)
        far += beyond(bits[:, :moving].astype(bool))
    return (far + 1) / (draws + 1), draws
