"""How many media of a collection are what a question asks for."""

import asyncio
import re

from foveate.agent.multihop.gathering import found_of, scores_of
from foveate.agent.multihop.protocols import Found, Tools
from foveate.memory.filters import Filter, parse
from foveate.rerankers.sentences import content_words

__all__ = ["count"]

_DEPTH = 1000
"""Candidates looked at: a count beyond it is a lower bound, as any count by relevance is an estimate."""
_KINDS = (
    (re.compile(r"\b(picture|photo|photograph|image|drawing|painting)s\b", re.IGNORECASE), "image"),
    (re.compile(r"\b(film|video|movie|clip)s\b", re.IGNORECASE), "film"),
    (re.compile(r"\b(document|page)s\b", re.IGNORECASE), "document"),
    (re.compile(r"\bfiles\b", re.IGNORECASE), ""),
)
_ASKING = re.compile(r"^\s*(how many|count(?: all)?(?: the)?|what is the number of)\b", re.IGNORECASE)
_FILLER = frozenset("collect collection archive folder here altogether total all index".split())


async def count(question: str, tools: Tools, relevant: float) -> tuple[int, list[Found]]:
    """Distinct media, and those of them that were judged relevant, best first.

    Where the question says nothing but the kind of media, all of that kind are counted exactly; else those whose best
    chunk is more probably relevant than ``relevant``.

    Args:
        question: "How many pictures show a dog?"
        tools: of the step.
        relevant: least probability that counts.
    """
    subject = _ASKING.sub("", question)
    kind = next((name for pattern, name in _KINDS if pattern.search(subject)), "")
    for pattern, _ in _KINDS:
        subject = pattern.sub(" ", subject)
    where = _and_kind(tools.where, kind)
    if not set(content_words(subject)) - _FILLER:
        ids = await asyncio.to_thread(lambda: {point.payload["media"] for point in tools.store.scroll(where)})
        return len(ids), []
    results = await tools.search(subject.strip(" ?"), k=_DEPTH)
    results = [one for one in results if not kind or one.chunk.kind == kind]
    scores = await scores_of(subject.strip(" ?"), results, tools)
    best: dict[str, Found] = {}
    for one in found_of(results, scores, hop=1):
        if one.score >= relevant:
            best.setdefault(one.chunk.media_id, one)
    return len(best), list(best.values())


def _and_kind(where: Filter | None, kind: str) -> Filter | None:
    if not kind:
        return where
    return parse(f"kind:{kind}") if where is None else where & parse(f"kind:{kind}")
