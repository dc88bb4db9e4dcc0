"""The strategy for questions that bring a picture: what it shows, then what the collection says about that.

Hop 1 looks the picture up among captioned ones. Hop 2 asks with the name in place of "this flag" or "it", for the two
most probable names at most, and keeps what is about them. A chain is as sure as its links: a passage counts its own
relevance times the probability that the picture shows what it is about. Where two names are followed, what is found
about them has a vote as well (X-MoRe).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from foveate.agent.multihop.gathering import best_first, over, round_of
from foveate.agent.multihop.protocols import Fact, Found, Gathered, Hop, Tools
from foveate.agent.multihop.single import SingleShot
from foveate.agent.visual.entities import Entity, identify
from foveate.agent.visual.evidence_filter import evidence_of
from foveate.agent.visual.names import asks_what, substituted
from foveate.agent.visual.votes import combined
from foveate.locators import describe
from foveate.records import Hit
from foveate.rerankers.sentences import statements

__all__ = ["VisualStrategy"]

_ASKED_ABOUT = 2
_ALSO = 0.2
"""A second name is followed from this probability."""
_SURE = 0.5


class VisualStrategy:
    """Pictures to names to passages (FilterRAG), every link in the trace."""

    name = "visual"

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """The pictures that name what is shown, and passages about it; nothing where no picture is near enough."""
        if not tools.pictures:
            return await SingleShot().gather(question, tools)
        entities = await identify(tools.pictures, tools)
        seen = await asyncio.to_thread(_witnesses, entities, tools)
        looked = _looked(entities, seen)
        if asks_what(question):
            return Gathered(found=seen, hops=(looked,), ended="recognised" if seen else "no picture is near enough",
                            quoted=_quoted(seen))  # fmt: skip
        if not entities or tools.budget.hops < 2 or over(tools):
            ended = "budget" if entities else "no picture is near enough"
            return Gathered(found=_weighed(seen, ()), hops=(looked,), ended=ended)
        followed = [one for i, one in enumerate(entities[:_ASKED_ABOUT]) if i == 0 or one.probability >= _ALSO]
        passages, asked = await _passages(question, followed, tools)
        found = best_first((*passages, *_weighed(seen, passages)))
        ended = "covered" if passages else "nothing is said about what the picture shows"
        return Gathered(found=found[: tools.budget.candidates], hops=(looked, asked), ended=ended)


async def _passages(question: str, followed: Sequence[Entity], tools: Tools) -> tuple[tuple[Found, ...], Hop]:
    """What is said about each entity; a passage about both counts for the one it fits better."""
    queries = [substituted(question, entity.subject) for entity in followed]
    groups = []
    for entity, query in zip(followed, queries, strict=True):
        sure = replace(entity, probability=1.0)
        groups.append(await evidence_of(sure, query, await tools.search(query), tools, hop=2))
    chances = _chances(followed, groups)
    best: dict[str, Found] = {}
    for chance, group in zip(chances, groups, strict=True):
        for one in group:
            if one.chunk.id not in best or one.score * chance > best[one.chunk.id].score:
                best[one.chunk.id] = replace(one, score=one.score * chance)
    found = best_first(best.values())
    note = "; ".join(f"about {one.name} {chance:.2f}" for one, chance in zip(followed, chances, strict=True))
    return found, round_of(queries, found, note=note)


def _chances(followed: Sequence[Entity], groups: Sequence[Sequence[Found]]) -> list[float]:
    """Probabilities of the entities, once the texts have voted as well: each modality by its certainty.

    The picture votes with what it is taken for, the texts with how well the best one fits. Together the entities keep
    the probability that the picture gave them. Names of two pictures are no alternatives, hence nothing is voted on.
    """
    if len({entity.picture for entity in followed}) > 1:
        return [entity.probability for entity in followed]
    mass = sum(entity.probability for entity in followed)
    told = [max((one.score for one in group), default=0.0) for group in groups]
    read = [score / sum(told) for score in told] if sum(told) > 0.0 else None
    votes = combined([entity.probability / mass for entity in followed], read)
    return [mass * share for share in votes.together]


def _witnesses(entities: Sequence[Entity], tools: Tools) -> tuple[Found, ...]:
    """The captioned pictures that name the entities, each with the entity's probability."""
    best: dict[str, float] = {}
    for entity in entities:
        for name in entity.chunk_ids:
            best[name] = max(best.get(name, 0.0), entity.probability)
    return best_first(
        Found(chunk=chunk, score=best[chunk.id], hop=1, hits=(_hit(chunk.id, best[chunk.id]),))
        for chunk in tools.chunks([*best])
    )


def _hit(name: str, score: float) -> Hit:
    return Hit(chunk_id=name, score=score, stage="recognised", rank=0)


def _looked(entities: Sequence[Entity], seen: Sequence[Found]) -> Hop:
    """The first hop: names, where in the picture, and the captions as facts."""
    notes = [
        f"{entity.name} {entity.probability:.2f}"
        + ("" if entity.region.whole else f" at {describe(entity.region)}")
        + ("" if entity.chunk_ids else " (the encoder's own word)")
        for entity in entities
    ]
    facts = tuple(
        Fact(chunk_id=one.chunk.id, text=" ".join((one.chunk.text or "").split()), score=one.score) for one in seen
    )
    found = tuple((one.chunk.id, one.score) for one in seen)
    return Hop(queries=(), found=found, facts=facts, note="the picture shows " + ("; ".join(notes) or "nothing known"))


def _quoted(seen: Sequence[Found]) -> tuple[Fact, ...]:
    """The first statement of the one caption that answers, where the picture is sure of it."""
    return tuple(
        Fact(chunk_id=one.chunk.id, text=_statement(one.chunk.text or ""), score=one.score)
        for one in seen[:1]
        if one.score >= _SURE
    )


def _statement(text: str) -> str:
    return next((text[span.start : span.end] for span in statements(text)), "")


def _weighed(seen: Sequence[Found], passages: Sequence[Found]) -> tuple[Found, ...]:
    """The captions as links of a chain: no surer of the answer than the passages that they lead to."""
    best = max((one.score for one in passages), default=0.0)
    return tuple(Found(chunk=one.chunk, score=min(one.score, best), hop=one.hop, hits=one.hits) for one in seen)
