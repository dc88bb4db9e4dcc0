"""Retrieve, reason, prune over a graph of passages (HopRAG: Liu et al. 2025, arXiv 2502.12442, algorithm 1).

Search gives passages to start from. Each round, every passage reached in the last one sends on along its most useful
edge. What is reached often and is like the question is helpful, the rest is pruned.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.agent.multihop.gathering import best_first, found_of, over, round_of, scores_of
from foveate.agent.multihop.graph_in_force import GraphInForce
from foveate.agent.multihop.protocols import Found, Gathered, Hop, Tools
from foveate.memory.store import Point
from foveate.records import Hit, Result
from foveate.rerankers.reasoning.quotes import quote
from foveate.retrievers.multihop.edges import jaccard
from foveate.retrievers.multihop.passage_graph import PassageGraph, Way
from foveate.retrievers.multihop.pseudo_questions import keywords
from foveate.retrievers.points import chunk_of
from foveate.usage import Usage

__all__ = ["PassageGraphStrategy"]

_DERIVED = 0.8
"""Weight of a score against a question that the walk added to: it rests on the edge."""
_SHOWN = 12
"""Edges that a model chooses among in one round."""
_NOTED = 10
"""Edges a round's note tells of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The question as edges are held against it."""

    text: str
    words: tuple[str, ...]
    vector: NDArray[np.float32]

    def like(self, text: str, vector: NDArray[np.float32] | None) -> float:
        """The paper's similarity: mean of cosine and overlap of keywords."""
        cosine = 0.0 if vector is None else float(vector @ self.vector)
        return (cosine + jaccard(self.words, keywords(text))) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Walked:
    """An edge with its worth for this question."""

    way: Way
    useful: float
    target: Point


@dataclass(kw_only=True, slots=True)
class _Walk:
    """One question's state; the strategy itself keeps none."""

    found: dict[str, Found]
    visits: Counter[str]
    reached: dict[str, Point] = field(default_factory=dict)
    """Not found by search, or scored anew since."""
    hops: list[Hop] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


class PassageGraphStrategy:
    """Walks from passage to passage along the questions they raise and answer."""

    name = "passage-graph"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        chooser: Literal["similarity", "model"] = "similarity",
        starts: int = 6,
        ways: int = 2,
        graphs: GraphInForce | None = None,
    ) -> None:
        """Choose how to walk.

        Args:
            folder: of the saved graph; None, or a folder without one, makes it in memory at the first question.
            chooser: who says which edge is useful: likeness to the question, or the reasoning model, which costs one
                call a round.
            starts: passages that search gives, at most.
            ways: edges that a passage sends on along, at most, when likeness chooses.
            graphs: instead of ``folder``.
        """
        self._graphs = graphs or GraphInForce(folder)
        self._chooser = chooser
        self._starts = starts
        self._ways = ways

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """What search finds, and what that leads to.

        Raises:
            CallerError: there is no graph, and the collection is too large to make one now.
            ModelError, ServiceError: a model failed.
        """
        results = await tools.search(question, images=tools.pictures)
        found = found_of(results, await scores_of(question, results, tools), hop=1)
        walk = _Walk(found={one.chunk.id: one for one in found}, visits=Counter(), hops=[round_of((question,), found)])
        ended = await self._walk(question, found, walk, tools)
        return Gathered(
            found=best_first(walk.found.values())[: tools.budget.candidates],
            hops=tuple(walk.hops),
            ended=ended,
            usage=walk.usage,
        )

    async def _walk(self, question: str, found: Sequence[Found], walk: _Walk, tools: Tools) -> str:
        """Go on while there is somewhere to go; why it ended."""
        if tools.budget.hops < 2:
            return "budget of hops"
        if not keywords(question):
            return "no words to walk by"
        graph = await asyncio.to_thread(self._graphs.get, tools)
        if graph is None:
            return "no time to make a graph"
        vectors = await asyncio.to_thread(tools.encoder.encode_text, [question])  # (1, d)
        asked = _Asked(text=question, words=keywords(question), vector=vectors[0])
        front = [one.chunk.id for one in found if one.chunk.id in graph][: self._starts]
        walk.visits.update(front)
        ended = ""
        while not ended:
            front, ended = await self._round(asked, graph, front, walk, tools)
        _prune(asked, walk, tools.budget.evidence)
        return ended

    async def _round(
        self, asked: _Asked, graph: PassageGraph, front: Sequence[str], walk: _Walk, tools: Tools
    ) -> tuple[list[str], str]:
        """One step along the edges: where it led first, and why it was the last one, or nothing."""
        if over(tools):
            return [], "budget of time"
        open_ = await asyncio.to_thread(_ways, asked, graph, front, tools)
        try:
            chosen = await self._choose(asked, open_, walk, tools)
        except TimeoutError:
            return [], "budget of time"
        if not chosen:
            return [], "no useful edge" if open_ else "nowhere to go"
        fresh = list(dict.fromkeys(one.way.target for one in chosen if not walk.visits[one.way.target]))
        walk.visits.update(one.way.target for one in chosen)
        arrived = await _arrive(asked, chosen, walk, tools)
        queries = tuple(dict.fromkeys(one.way.raised.text for one in chosen))
        walk.hops.append(round_of(queries, arrived, note=_note(chosen)))
        if not fresh:
            return [], "nowhere new to go"
        return fresh, "budget of hops" if len(walk.hops) >= tools.budget.hops else ""

    async def _choose(self, asked: _Asked, open_: Sequence[_Walked], walk: _Walk, tools: Tools) -> list[_Walked]:
        if self._chooser == "model":
            return await _by_model(asked, open_, walk, tools)
        taken: Counter[str] = Counter()
        chosen = []
        for one in open_:
            if taken[one.way.source] < self._ways:
                taken[one.way.source] += 1
                chosen.append(one)
        return chosen


def _ways(asked: _Asked, graph: PassageGraph, front: Sequence[str], tools: Tools) -> list[_Walked]:
    """Edges that lead on from here within what may be looked at, most useful first."""
    ways = [way for name in front for way in graph.ways(name)]
    targets = sorted({way.target for way in ways})
    points = {
        point.id: point
        for point in tools.store.get(targets, vectors=True)
        if tools.where is None or tools.where.matches(point.payload)
    }
    walked = [
        _Walked(way=way, useful=_useful(asked, way, points[way.target]), target=points[way.target])
        for way in ways
        if way.target in points  # not gone since, nor left out by a filter
    ]
    return sorted(walked, key=lambda one: (-one.useful, one.way.source, one.way.target))


def _useful(asked: _Asked, way: Way, target: Point) -> float:
    """Mean likeness of the edge's question and of where it leads, to what was asked."""
    return (asked.like(way.raised.text, way.raised_vector) + _like(asked, target, way)) / 2


def _like(asked: _Asked, point: Point, way: Way | None = None) -> float:
    text = str(point.payload.get("text") or (way.answered.text if way else ""))
    return asked.like(text, point.dense.get("text", point.dense.get("image")))


async def _by_model(asked: _Asked, open_: Sequence[_Walked], walk: _Walk, tools: Tools) -> list[_Walked]:
    """The edges whose answers the model copies when it is asked for the sentences it needs."""
    shown = open_[:_SHOWN]
    if not shown:
        return []
    left = None if math.isinf(tools.deadline_s) else max(tools.deadline_s - time.monotonic(), 0.0)
    async with asyncio.timeout(left):
        told = await quote(
            tools.model,
            asked.text,
            [one.way.answered.meaning for one in shown],
            labels=[one.way.raised.text for one in shown],
        )
    walk.usage += told.usage
    return [shown[at] for at in sorted({one.note for one in told.quotes})]


async def _arrive(asked: _Asked, chosen: Sequence[_Walked], walk: _Walk, tools: Tools) -> list[Found]:
    """Score where the edges led: against the question, and against it with what led there; the better one counts."""
    hop = len(walk.hops) + 1
    best = {one.way.target: one for one in reversed(chosen)}
    results = {name: _result(one, hop) for name, one in best.items()}
    unseen = [result for name, result in results.items() if name not in walk.found]
    scores: Mapping[str, float] = await scores_of(asked.text, unseen, tools)
    arrived = []
    for name, one in best.items():
        query = f"{asked.text} {one.way.raised.text}"
        told = [_DERIVED * score for score in (await scores_of(query, [results[name]], tools)).values()]
        told += [scores[name]] if name in scores else []
        if not told:  # a reranker cut it off
            continue
        (led,) = found_of([results[name]], {name: max(told)}, hop=hop)
        known = walk.found.get(name)
        if known is None or led.score > known.score:
            walk.found[name] = led if known is None else replace(known, score=led.score, hits=(*known.hits, *led.hits))
        if known is None:
            walk.reached[name] = one.target
        arrived.append(walk.found[name])
    return list(best_first(arrived))


def _result(one: _Walked, hop: int) -> Result:
    hit = Hit(chunk_id=one.way.target, score=one.useful, stage=f"walk_{hop}", rank=0)
    return Result(chunk=chunk_of(one.target), score=one.useful, hits=(hit,))


def _prune(asked: _Asked, walk: _Walk, most: int) -> None:
    """Of what the walk alone reached, keep the most helpful: like the question, and reached often.

    The paper's helpfulness, equation 6: the mean of likeness and of the share of all visits. What search found itself
    stays: it can be no worse than without a walk.
    """
    visits = walk.visits.total()

    def helpful(name: str) -> float:
        return (_like(asked, walk.reached[name]) + walk.visits[name] / visits) / 2

    for name in sorted(walk.reached, key=lambda name: (-helpful(name), name))[most:]:
        del walk.found[name]


def _note(chosen: Sequence[_Walked]) -> str:
    lines = [
        f"{one.way.source} -> {one.way.target} ({one.useful:.2f}): {one.way.raised.text} / {one.way.answered.text}"
        for one in chosen[:_NOTED]
    ]
    return "\n".join(lines)
