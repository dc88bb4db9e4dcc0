"""Condensed retrieval (Baleen: Khattab, Potts and Zaharia, NeurIPS 2021): each hop asks with what was learnt so far.

After a round the best sentences are kept as facts; the next query is the question with those facts. Which fact is
followed first is decided by the scores of retrieval itself (Baleen's latent hop order), not by the order of the
question's words.
"""

import asyncio
from dataclasses import replace

import numpy as np

from foveate.agent.multihop.gathering import best_first, found_of, over, scores_of
from foveate.agent.multihop.protocols import Fact, Found, Gathered, Hop, Tools
from foveate.records import Chunk, Result
from foveate.rerankers.sentences import content_words, coverage, statements
from foveate.retrievers.late import EncodesTokens, focused

__all__ = ["Condensed", "condense"]

_COVERED = 0.6
"""Share of the question's content words that the facts must hold before no further round is taken."""
_DERIVED = 0.8
"""Weight of a score against a query that a hop made up: it rests on what that hop believed."""
_RELEVANT = 0.5
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
        """Evidence of all rounds, best first."""
        best: dict[str, Found] = {}
        results: dict[str, Result] = {}
        hops: list[Hop] = []
        facts: list[Fact] = []
        query = question
        while True:
            hop = len(hops) + 1
            fresh = await tools.search(query, images=tools.pictures if hop == 1 else ())
            results |= {one.chunk.id: one for one in fresh if one.chunk.id not in results}
            await self._score(query, question, list(results.values()), best, hop, tools)
            found = best_first(best.values())
            if self._late and facts:
                found = await _focused(question, facts, found, tools)
            learnt = [
                one for one in await condense(question, found, tools) if one.text not in {fact.text for fact in facts}
            ]
            facts += learnt[: self._facts]
            ids = {one.chunk.id for one in fresh}
            shown = tuple((one.chunk.id, one.score) for one in found if one.chunk.id in ids)
            hops.append(Hop(queries=(query,), found=shown, facts=tuple(learnt)))
            ended = self._ended(question, facts, learnt, hop, tools)
            if ended:
                return Gathered(found=found[: tools.budget.candidates], hops=tuple(hops), ended=ended)
            query = " ".join([question, *(fact.text for fact in facts)])

    def _ended(self, question: str, facts: list[Fact], learnt: list[Fact], hop: int, tools: Tools) -> str:
        if not content_words(question) or not learnt:
            return "no new fact"  # the same query would find the same
        if coverage(question, " ".join(fact.text for fact in learnt)) >= self._covered:
            return "covered"
        if hop >= tools.budget.hops:
            return "budget of hops"
        return "budget of time" if over(tools) else ""

    async def _score(
        self, query: str, question: str, results: list[Result], best: dict[str, Found], hop: int, tools: Tools
    ) -> None:
        """Score all that was found against this query; each chunk keeps its best.

        What an earlier round found is scored again: it may answer what a fact found out, and nothing else.
        """
        weight = 1.0 if query == question else _DERIVED
        # A chunk that a query quotes would find itself in it, whatever it says of the question.
        others = [one for one in results if query == question or not _quoted(one.chunk, query)]
        scores = {name: weight * score for name, score in (await scores_of(query, others, tools)).items()}
        for one in found_of(others, scores, hop=hop):
            known = best.get(one.chunk.id)
            if known is None or one.score > known.score:
                best[one.chunk.id] = one if known is None else replace(one, hop=known.hop)


async def condense(question: str, found: tuple[Found, ...], tools: Tools) -> list[Fact]:
    """The statement of each relevant passage that is nearest to the question, best first."""
    chosen = [one for one in found[:_PASSAGES] if one.score >= _RELEVANT and (one.chunk.text or "").strip()]
    facts = []
    for one in chosen:
        text = one.chunk.text or ""
        parts = [" ".join(text[span.start : span.end].split()) for span in statements(text)]
        rows = await asyncio.to_thread(tools.encoder.encode_text, [question, *parts])  # (1 + statements, d)
        scores = rows[1:] @ rows[0] + np.array([coverage(question, part) for part in parts])
        at = int(np.argmax(scores))
        facts.append(Fact(chunk_id=one.chunk.id, text=parts[at], score=one.score))
    return facts


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


def _quoted(chunk: Chunk, query: str) -> bool:
    words = " ".join((chunk.text or "").split())
    return any(" ".join(words[span.start : span.end].split()) in query for span in statements(words))
