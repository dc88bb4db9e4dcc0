"""Joining ranked lists, and choosing among near equals.

Shapes: n candidates, d dimensions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["maximal_marginal_relevance", "near_duplicates", "reciprocal_rank_fusion"]


def reciprocal_rank_fusion(
    lists: Mapping[str, Sequence[str]], *, weights: Mapping[str, float] | None = None, k: float = 60.0
) -> list[tuple[str, float]]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): score = sum of weight / (k + rank + 1).

    Args:
        lists: ids by stage, best first, without repetition.
        weights: weight by stage; 1 for those not named. A negative weight pushes its list's ids down.
        k: dampens the lead of the first ranks.

    Returns:
        (id, score), best first, ties by id.
    """
    scores: dict[str, float] = {}
    # Stages in sorted order: floating point sums then do not depend on who finished first.
    for stage in sorted(lists):
        weight = (weights or {}).get(stage, 1.0)
        for rank, name in enumerate(lists[stage]):
            scores[name] = scores.get(name, 0.0) + weight / (k + rank + 1)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def maximal_marginal_relevance(
    relevance: Sequence[float], vectors: NDArray[np.float32], count: int, *, balance: float = 0.7
) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

    Args:
        relevance: (n) scores, any scale: they are brought to [0, 1] first.
        vectors: (n, d) unit rows.
        count: how many to choose.
        balance: 1 is relevance alone, 0 is variety alone.

    Returns:
        Positions chosen, in order of choice.
    """
    scores = np.asarray(relevance, dtype=np.float64)
    if not len(scores):
        return []
    span = float(scores.max() - scores.min())
    scores = (scores - scores.min()) / span if span > 0 else np.ones_like(scores)
    likeness = vectors @ vectors.T  # (n, n)
    # -inf and not 0: with nothing chosen yet nothing is like it, and true likeness may be below 0.
    closest = np.full(len(scores), -np.inf)
    chosen: list[int] = []
    left = set(range(len(scores)))
    while left and len(chosen) < count:
        penalty = np.where(np.isneginf(closest), 0.0, closest)
        gain = balance * scores - (1.0 - balance) * penalty
        best = min(left, key=lambda i: (-gain[i], i))
        chosen.append(best)
        left.discard(best)
        closest = np.maximum(closest, likeness[best])
    return chosen


def near_duplicates(vectors: NDArray[np.float32], *, threshold: float) -> list[int]:
    """For each row, the first earlier row (or itself) that it nearly equals.

    Args:
        vectors: (n, d) unit rows; rows of zeros stand for "no vector" and equal nothing.
        threshold: cosine from which two count as the same.

    Returns:
        (n) positions; ``result[i] == i`` means that i is kept.
    """
    likeness = vectors @ vectors.T  # (n, n)
    keeper = list(range(len(vectors)))
    for i in range(len(vectors)):
        for j in range(i):
            if keeper[j] == j and likeness[i, j] >= threshold:
                keeper[i] = j
                break
    return keeper
