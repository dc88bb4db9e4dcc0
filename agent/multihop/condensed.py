"""Condensed retrieval (Baleen: Khattab, Potts and Zaharia, NeurIPS 2021): each hop asks with what was learnt so far.

After a round the best sentences are kept as facts; the next query is the question with those facts. Which fact is
followed first is decided by the scores of retrieval itself (Baleen's latent hop order), not by the order of the
question's words.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from foveate.agent.multihop.gathering import best_first, found_of, over, scores_of
from foveate.agent.multihop.protocols import Fact, Found, Gathered, Hop, Tools
from foveate.rerankers.sentences import content_words, coverage, statements
from foveate.retrievers.late import EncodesTokens, focused

__all__ = ["Condensed", "condense", "take_turns"]

_COVERED = 0.6
"""Share of the question's content words that the facts must hold before no further round is taken."""
_DERIVED = 0.8
"""Weight of a score against a query that a hop made up: it rests on what that hop believed."""
_RELEVANT = 0.5
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[^\W\d_]*[A-Z][^\W\d_]+|\d+")
_PASSAGES = 3
"""Passages that are condensed after each round."""


class Condensed:
    """Rounds of retrieval that pass on facts."""

    name = "condensed"

    def __init__(self, *, covered: float = _COVERED, facts: int = 1, late: bool = False) -> None:
        """Choose when to stop, and how candidates of later rounds are ordered.

        Args:
            covered: share of the question's content words that the facts must hold; above 1 never stops early.
            facts: of each round, passed on to the next.
            late: from the second round on, order by focused late interaction (:mod:`foveate.retrievers.late`), with
                an encoder that has token vectors; the k-th best keeps the probability that the k-th best had.
        """
        self._covered = covered
        self._late = late
        self._facts = facts

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """Evidence of all rounds: the best of each, then the second best of each, and so on."""
        rounds: list[tuple[Found, ...]] = []
        facts: list[Fact] = []
        hops: list[Hop] = []
        while True:
            query = " ".join([question, *(fact.text for fact in facts)])
            found = await self._round(query, facts, len(hops) + 1, tools)
            if self._late and facts:
                found = await _focused(question, facts, found, tools)
            rounds.append(found)
            known = {fact.text for fact in facts}
            learnt = [fact for fact in await condense(question, found, tools) if fact.text not in known]
            shown = tuple((one.chunk.id, one.score) for one in found)
            hops.append(Hop(queries=(query,), found=shown, facts=tuple(learnt)))
            facts += learnt[: self._facts]
            if ended := self._ended(question, facts, learnt, len(hops), tools):
                kept = take_turns(rounds)[: tools.budget.candidates]
                return Gathered(found=kept, hops=tuple(hops), ended=ended)

    def _ended(self, question: str, facts: list[Fact], learnt: list[Fact], hop: int, tools: Tools) -> str:
        if not content_words(question) or not learnt:
            return "no new fact"  # the same query would find the same
        if coverage(question, " ".join(fact.text for fact in facts)) >= self._covered:
            return "covered"
        if hop >= tools.budget.hops:
            return "budget of hops"
        return "budget of time" if over(tools) else ""

    async def _round(self, query: str, facts: list[Fact], hop: int, tools: Tools) -> tuple[Found, ...]:
        results = await tools.search(query, images=tools.pictures if hop == 1 else ())
        # A chunk that the query quotes would find itself in it, whatever it says of the question.
        quoted = {fact.chunk_id for fact in facts}
        others = [one for one in results if one.chunk.id not in quoted]
        weight = _DERIVED if facts else 1.0
        scores = {name: weight * score for name, score in (await scores_of(query, others, tools)).items()}
        return found_of(others, scores, hop=hop)


def take_turns(rounds: Sequence[tuple[Found, ...]]) -> tuple[Found, ...]:
    """One list of several: the best of each round before the second best of any.

    A later round asks something else, so its scores do not compare with an earlier one's: the k-th place gets the k-th
    largest probability there is. A chunk of two rounds keeps its first place.
    """
    first: dict[str, Found] = {}
    for level in zip_longest(*rounds):
        for one in level:
            if one is not None:
                first.setdefault(one.chunk.id, one)
    order = list(first.values())
    scores = sorted((one.score for one in order), reverse=True)
    return tuple(replace(one, score=score) for one, score in zip(order, scores, strict=True))


async def condense(question: str, found: tuple[Found, ...], tools: Tools) -> list[Fact]:
    """The statement of each relevant passage that is nearest to the question, best first.

    Nearness is likeness, shared words, and shared names: a name of the question is what a chain hangs on.
    """
    chosen = [one for one in found[:_PASSAGES] if one.score >= _RELEVANT and (one.chunk.text or "").strip()]
    names = {name.casefold() for name in _NAME.findall(question)}
    facts = []
    for one in chosen:
        text = one.chunk.text or ""
        parts = [" ".join(text[span.start : span.end].split()) for span in statements(text)]
        rows = await asyncio.to_thread(tools.encoder.encode_text, [question, *parts])  # (1 + statements, d)
        likeness = rows[1:] @ rows[0]
        scores = [
            float(like) + coverage(question, part) + _share(names, part)
            for like, part in zip(likeness, parts, strict=True)
        ]
        at = int(np.argmax(scores))
        facts.append(Fact(chunk_id=one.chunk.id, text=parts[at], score=scores[at]))
    return sorted(facts, key=lambda fact: (-fact.score, fact.chunk_id))


def _share(names: set[str], text: str) -> float:
    words = set(re.findall(r"\w+", text.casefold()))
    return len(names & words) / len(names) if names else 0.0


async def _focused(question: str, facts: list[Fact], found: tuple[Found, ...], tools: Tools) -> tuple[Found, ...]:
    """The same probabilities, given out in the order of focused late interaction; pictures without words stay."""
    encoder = tools.encoder
    told = [one for one in found if (one.chunk.text or "").strip()]
    if not isinstance(encoder, EncodesTokens) or not told:
        return found
    texts = [question, " ".join(fact.text for fact in facts), *(one.chunk.text or "" for one in told)]
    rows = await asyncio.to_thread(encoder.encode_tokens, texts)
    marks = {one.chunk.id: focused(rows[0], rows[1], row) for one, row in zip(told, rows[2:], strict=True)}
    order = sorted(told, key=lambda one: (-marks[one.chunk.id], one.chunk.id))
    dealt = [replace(one, score=own.score) for one, own in zip(order, told, strict=True)]
    return best_first([*dealt, *(one for one in found if one.chunk.id not in marks)])
