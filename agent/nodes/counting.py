"""How many media of a collection are what a question asks for."""

import asyncio
import re
from dataclasses import dataclass, replace

from foveate.agent.multihop.gathering import found_of, scores_of
from foveate.agent.multihop.protocols import Found, Tools
from foveate.memory.filters import Filter, parse
from foveate.rerankers.sentences import content_words
from foveate.retrievers.search import SearchQuery

__all__ = ["Count", "count"]

_DEPTH = 1000
"""Candidates looked at. A search has 100 a list besides, so a count by relevance beyond 100 is a lower bound."""
_KINDS = (
    (re.compile(r"\b(picture|photo|photograph|image|drawing|painting)s\b", re.IGNORECASE), "image"),
    (re.compile(r"\b(film|video|movie|clip)s\b", re.IGNORECASE), "film"),
    (re.compile(r"\bdocuments\b", re.IGNORECASE), "document"),
    (re.compile(r"\bfiles\b", re.IGNORECASE), ""),
)
_ASKING = re.compile(r"^\s*(how many|count(?: all)?(?: the)?|what is the number of)\b", re.IGNORECASE)
_FILLER = frozenset(content_words("collection archive folder here altogether total all index indexed"))
"""Stems that say nothing of what is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How many, and of what."""

    number: int
    """Distinct media."""
    found: tuple[Found, ...]
    """The best chunk of each of them, best first; empty where all of a kind were counted."""
    confidence: float
    """1 where code counted everything; else that of the closest call, either way."""


async def count(question: str, tools: Tools, relevant: float) -> Count:
    """Distinct media that a question asks for.

    Where the question says nothing but the kind of media, all of that kind are counted exactly; else those whose best
    chunk is more probably relevant than ``relevant``. Copies of a picture are pictures of their own.

    Args:
        question: "How many pictures show a dog?"
        tools: of the step.
        relevant: least probability that counts.
    """
    subject = _ASKING.sub("", question)
    kind = next((name for pattern, name in _KINDS if pattern.search(subject)), "")
    for pattern, _ in _KINDS:
        subject = pattern.sub(" ", subject)
    within = replace(tools, where=_and_kind(tools.where, kind))
    if not set(content_words(subject)) - _FILLER:
        points = await asyncio.to_thread(lambda: {point.payload["media"] for point in tools.store.scroll(within.where)})
        return Count(number=len(points), found=(), confidence=1.0)
    return await _by_relevance(subject.strip(" ?"), within, relevant)


async def _by_relevance(subject: str, tools: Tools, relevant: float) -> Count:
    # Folded, a picture and its copies would be one.
    query = SearchQuery(text=subject, where=tools.where, k=_DEPTH, fold=False)
    results = await asyncio.to_thread(tools.searcher.search, query)
    scored = found_of(results, await scores_of(subject, results, tools), hop=1)
    best: dict[str, Found] = {}
    for one in scored:
        best.setdefault(one.chunk.media_id, one)
    counted = tuple(one for one in best.values() if one.score >= relevant)
    sure = min((max(one.score, 1.0 - one.score) for one in best.values()), default=1.0)
    return Count(number=len(counted), found=counted, confidence=sure)


def _and_kind(where: Filter | None, kind: str) -> Filter | None:
    if not kind:
        return where
    return parse(f"kind:{kind}") if where is None else where & parse(f"kind:{kind}")
