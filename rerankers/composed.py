"""Composed queries (a picture and words) by intersection: what fits both, rather than what fits one very well.

SETR (Xiao and Zhu, 2025, arXiv 2509.26012) holds against fusion by sums that a near copy of the given picture passes
although the words contradict it. Its own intersection is of embeddings, by a language model; here it is of what the
stages of :mod:`foveate.retrievers.search` said, each side as a probability. The yes/no judgement comes after.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from foveate.errors import CallerError
from foveate.records import Hit, Result
from foveate.rerankers.abstain import abstention
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.protocols import ImagePart

__all__ = ["IntersectionReranker", "Logistic", "Rule", "Sides", "intersect"]

Rule = Literal["product", "least"]
"""``product``: both hold, as if they were independent. ``least``: no better than the side that fits worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Logistic:
    """Probability that a score of one stage speaks for the candidate."""

    middle: float
    """The score of probability 1/2."""
    slope: float
    """Log-odds a unit of score, above 0."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.middle) and math.isfinite(self.slope) and self.slope > 0.0):
            raise CallerError(f"middle {self.middle!r}, slope {self.slope!r}: allowed are numbers, the slope above 0")

    def __call__(self, score: float) -> float:
        """Probability in [0, 1]."""
        return 1.0 / (1.0 + math.exp(min(max(self.slope * (self.middle - score), -700.0), 700.0)))


def _written() -> Mapping[str, Logistic]:
    return MappingProxyType({name: Logistic(middle=4.0, slope=1.29) for name in ("z_image", "z_text")})


def _shown() -> Mapping[str, Logistic]:
    return MappingProxyType({"like": Logistic(middle=0.846, slope=28.7), "words": Logistic(middle=0.068, slope=37.9)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """What speaks for the words of the query, and what for its picture; of several stages the best counts.

    The numbers are for ``mini``: the slope for ``z_image`` is that of :mod:`foveate.rerankers.sentences`, taken over
    for the rest a standard deviation, not fitted. Unrelated sample pictures have cosines of 0.755 (sd 0.045) with each
    other, and 0.000 (sd 0.034) with captions once the mean is away; one half stands at two deviations over that, for
    what is wanted resembles the picture without being it.
    """

    written: Mapping[str, Logistic] = field(default_factory=_written)
    shown: Mapping[str, Logistic] = field(default_factory=_shown)


class IntersectionReranker:
    """Scores from the hits that a composed search left behind; costs nothing.

    Stages list their best 100 only: a candidate that a side does not list gets the least probability that it gives
    anybody in the pool, the most it can have. A side that lists nobody (a query without words, or without a picture)
    does not count. Hence scores depend on the pool.

    On twenty composed queries written by hand over the sample's pictures (captions hidden, ``mini``) the target's mean
    reciprocal rank was about 0.34 with the weights the search fuses by (imitated, not the search itself), 0.33 to 0.43
    by ``product``, the most with the midpoints that are the default, so chosen on these queries, and 0.32 by
    ``least``; but 0.42 by the plain sum of both sides' standard deviations, and 0.45 by reciprocal ranks of equal
    weight. That intersection beats summation was not seen, and twenty are too few. No script of this is committed.
    """

    def __init__(self, sides: Sides | None = None, *, rule: Rule = "product") -> None:
        """Choose how.

        Args:
            sides: which stages speak for what; those of ``mini`` if None.
            rule: how the two sides meet.

        Raises:
            CallerError: an unknown rule.
        """
        if rule not in get_args(Rule):
            raise CallerError(f"rule is {rule!r}; choose one of: {', '.join(get_args(Rule))}")
        self.name = f"intersection:{rule}"
        self._sides = sides or Sides()
        self._rule: Rule = rule

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits, best first, ties by id; where no side lists anybody all are below 0, in the first stage's order.

        Raises:
            CallerError: a chunk given twice.
            ModelError: a hit is NaN.
        """
        check_distinct(results)
        sides = [_said(results, stages) for stages in (self._sides.written, self._sides.shown)]
        given = [side for side in sides if side]
        least = [min(side.values()) for side in given]
        scored = []
        for result in results:
            known = result.chunk.id
            held = [side.get(known, floor) for side, floor in zip(given, least, strict=True)]
            scored.append((known, intersect(held, self._rule) if held else abstention(result)))
        return ranked(scored, by=self.name)


def intersect(probabilities: Sequence[float], rule: Rule = "product") -> float:
    """One probability of several that must all hold; 1 of none."""
    return math.prod(probabilities) if rule == "product" else min(probabilities, default=1.0)


def _said(results: Sequence[Result], stages: Mapping[str, Logistic]) -> dict[str, float]:
    """Chunk id -> best probability of these stages, for those that any of them lists."""
    said: dict[str, float] = {}
    for result in results:
        found = [stages[hit.stage](hit.score) for hit in result.hits if hit.stage in stages]
        if found:
            said[result.chunk.id] = max(found)
    return said
