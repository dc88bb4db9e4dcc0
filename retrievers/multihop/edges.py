"""Which passage leads on to which: questions raised are matched with questions answered.

The score is HopRAG's (Liu et al. 2025, section 3.2): the mean of the cosine and the Jaccard overlap of the keywords.
A pair without a common keyword is no candidate, which keeps the work near linear in the collection.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.retrievers.multihop.pseudo_questions import PseudoQuestion

__all__ = ["Asked", "Edge", "jaccard", "match", "most_edges"]

_FLOOR = 0.35
_CANDIDATES = 512
"""Answered questions held against one raised question, those with the largest overlap of keywords."""
_PER_QUESTION = 8
"""Passages that one raised question leads to: what is said of one thing often fills several."""
_DIGITS = 6
"""Scores equal to so many decimals are ties: batches of another shape move the last bits of a vector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A pseudo-question of a vertex."""

    owner: int
    """Position of the vertex."""
    question: PseudoQuestion
    row: int
    """Of its vector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """From a passage that raises a question to one that answers it."""

    source: int
    target: int
    raised: int
    """Position among the questions raised."""
    answered: int
    """Position among the questions answered."""
    score: float
    """In [0, 1] for cosines that are not negative."""


def most_edges(vertices: int) -> int:
    """Edges a vertex may send out: 2 ceil(log2 n), so that the graph has O(n log n)."""
    return 2 * math.ceil(math.log2(vertices)) if vertices > 1 else 0


def jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    """Shared over all, in [0, 1]; 0 where both are empty."""
    union = set(one) | set(other)
    return len(set(one) & set(other)) / len(union) if union else 0.0


def match(
    raised: Sequence[Asked],
    answered: Sequence[Asked],
    vectors: NDArray[np.float32],
    same: Sequence[str],
    *,
    floor: float = _FLOOR,
) -> list[Edge]:
    """The best edges, sorted by source, then best first, ties by target.

    Args:
        raised: out-coming questions.
        answered: in-coming questions.
        vectors: (r, d) unit rows.
        same: one a vertex, in the order of vertices: equal for passages of equal words, which never lead to each
            other, and of which a question leads to the first alone.
        floor: score that an edge must have.
    """
    index = _Index(answered)
    best: dict[tuple[int, int], Edge] = {}
    for at, one in enumerate(raised):
        for edge in _of_question(at, one, index, vectors, same):
            known = best.get((edge.source, edge.target))
            if edge.score >= floor and (known is None or edge.score > known.score):
                best[edge.source, edge.target] = edge
    return _strongest(list(best.values()), most_edges(len(same)))


class _Index:
    """Answered questions by keyword. A name is raised by many passages: what it meets is counted once."""

    def __init__(self, answered: Sequence[Asked]) -> None:
        self.answered = answered
        self._postings: dict[str, list[int]] = defaultdict(list)
        for at, one in enumerate(answered):
            for word in one.question.keywords:
                self._postings[word].append(at)
        self._met: dict[tuple[str, ...], list[tuple[int, float]]] = {}

    def meeting(self, words: tuple[str, ...]) -> list[tuple[int, float]]:
        """(position, Jaccard) of the answered questions with a common keyword, those with most in common."""
        if words not in self._met:
            shared: dict[int, int] = defaultdict(int)
            for word in words:
                for at in self._postings.get(word, ()):
                    shared[at] += 1
            scored = [
                (at, count / (len(words) + len(self.answered[at].question.keywords) - count))
                for at, count in shared.items()
            ]
            self._met[words] = sorted(scored, key=lambda item: (-item[1], item[0]))[:_CANDIDATES]
        return self._met[words]


def _of_question(at: int, one: Asked, index: _Index, vectors: NDArray[np.float32], same: Sequence[str]) -> list[Edge]:
    """Its edges to the best passages, best first."""
    answered = index.answered
    # A statement that two overlapping passages share answers nothing that it raises itself.
    met = [
        (i, overlap)
        for i, overlap in index.meeting(one.question.keywords)
        if same[answered[i].owner] != same[one.owner] and answered[i].question.meaning != one.question.meaning
    ]
    if not met:
        return []
    cosines = vectors[[answered[i].row for i, _ in met]] @ vectors[one.row]  # (c)
    edges = [
        Edge(
            source=one.owner,
            target=answered[i].owner,
            raised=at,
            answered=i,
            score=round((float(cosine) + overlap) / 2, _DIGITS),
        )
        for (i, overlap), cosine in zip(met, cosines, strict=True)
    ]
    firsts: dict[str, Edge] = {}
    for edge in sorted(edges, key=_order):
        firsts.setdefault(same[edge.target], edge)
        if len(firsts) == _PER_QUESTION:
            break
    return list(firsts.values())


def _strongest(edges: list[Edge], most: int) -> list[Edge]:
    kept: list[Edge] = []
    sent: dict[int, int] = defaultdict(int)
    for edge in sorted(edges, key=lambda edge: (edge.source, *_order(edge))):
        if sent[edge.source] < most:
            sent[edge.source] += 1
            kept.append(edge)
    return kept


def _order(edge: Edge) -> tuple[float, int, int]:
    return -edge.score, edge.target, edge.answered
