"""A score for what a reranker cannot judge: below zero, hence below every probability, in the first stage's order.

A cross-encoder reads no pictures, an encoder of pictures no passages. Zero would say "surely irrelevant", and the mean
of the others would say something too; below zero a cut-off drops it and a cascade keeps the cheaper stage's word.
"""

import math

from foveate.records import Result

__all__ = ["abstained", "abstention"]


def abstention(result: Result) -> float:
    """A score in (-1, 0) that rises with the first stage's score and depends on nothing else; -1 where that is NaN."""
    first = result.score
    if math.isnan(first):
        return -1.0
    squashed = math.copysign(1.0, first) if math.isinf(first) else first / (1.0 + abs(first))
    return min(0.5 * squashed - 0.5, -1e-9)


def abstained(score: float) -> bool:
    """Whether a score of a reranker that gives probabilities says that it did not judge."""
    return score < 0.0
