"""Forward and backward lookup (FB-RAG: Chawla et al. 2025, arXiv 2505.17206): peek at answers, then choose evidence.

Backward, a chunk is held against the question: the search, for recall. Forward, it is held against reasons and answers
that a light model drew from the first candidates: a few cheap samples. The paper's score is

    S(chunk) = backward * S(chunk; question) + forward * max over samples of S(chunk; reason + answer)

and its better setting leaves the backward part out. A sample may be wrong and still speak of the right things.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from foveate.agent.multihop.gathering import best_first, found_of, over, scores_of
from foveate.agent.multihop.protocols import Fact, Found, Gathered, Hop, Tools
from foveate.agent.multihop.quotes import Note, batches, notes_of
from foveate.errors import CallerError
from foveate.records import Hit
from foveate.rerankers.protocols import Reply, Sampling
from foveate.rerankers.reasoning.prompts import NONE, read_prompt
from foveate.rerankers.reasoning.quotes import shorten
from foveate.rerankers.reasoning.reader import holds
from foveate.rerankers.sentences import content_words, coverage, statements
from foveate.usage import Usage

__all__ = ["LookupStrategy", "Sample", "deal", "lexical"]

_DERIVED = 0.8
"""Weight of a score against a query that a sample made up: it rests on what the sample believed."""
_QUERY_CHARS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A candidate answer and why."""

    answer: str
    reason: str
    """The sentence of the notes that holds it, verbatim; empty where none does: the answer stands for itself then."""
    chunk_id: str | None
    """Where the reason stands."""
    logprob: float
    """Of the answer, natural logarithm; NaN where the model gives none."""

    @property
    def text(self) -> str:
        """What chunks are held against."""
        return f"{self.reason} {self.answer}".strip()


@dataclass(kw_only=True, slots=True)
class _Progress:
    """One question's state; the strategy itself keeps none."""

    pool: dict[str, Found] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    reasons: list[Sample] = field(default_factory=list)
    """One a round at most: what the next search asks with."""
    hops: list[Hop] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


class LookupStrategy:
    """Orders candidates by what the answer may be."""

    name = "lookup"

    def __init__(
        self,
        *,
        samples: int = 3,
        forward: float = 1.0,
        backward: float = 0.0,
        temperature: float = 0.7,
        max_tokens: int = 12,
    ) -> None:
        """Choose what counts, and what it may cost.

        Args:
            samples: candidate answers a round.
            forward: weight of the likeness to the best matching sample.
            backward: weight of the probability to be relevant to the question.
            temperature: of sampling; seeds are 0, 1, 2 ..., so that a question is answered alike twice.
            max_tokens: of a candidate answer.

        Raises:
            CallerError: no sample, a negative weight, or both weights 0.
        """
        if samples < 1:
            raise CallerError(f"samples is {samples!r}; allowed are whole numbers from 1")
        if not (min(forward, backward) >= 0.0 and 0.0 < forward + backward < math.inf):
            raise CallerError(f"forward {forward!r} and backward {backward!r} must be 0 or more, and not both 0")
        self._samples = samples
        self._weights = (forward / (forward + backward), backward / (forward + backward))
        self._temperature = temperature
        self._max_tokens = max_tokens

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """Candidates in the order of their forward and backward score.

        How probable the k-th best is, is what the reranker found of its own k-th best: a likeness is no probability,
        and so as much is read as without looking ahead, only other chunks. Without any candidate answer the order is
        the reranker's.

        Raises:
            ModelError, ServiceError: a model failed.
        """
        now = _Progress()
        ended = ""
        while not ended:
            ended = await self._round(question, tools, now)
        return Gathered(
            found=(await self._scored(now, tools))[: tools.budget.candidates],
            hops=tuple(now.hops),
            ended=ended,
            usage=now.usage,
        )

    async def _round(self, question: str, tools: Tools, now: _Progress) -> str:
        hop = len(now.hops) + 1
        query = " ".join([shorten(question, _QUERY_CHARS), *(_line(one.reason) for one in now.reasons)])
        await self._backward(query, tools, now, hop)
        fresh: list[Sample] = []
        in_time = True
        try:
            async with asyncio.timeout(_left(tools)):
                await self._ahead(question, tools, now, fresh)
        except TimeoutError:
            in_time = False
        now.samples += fresh
        reason = _best(fresh, now.reasons)
        facts = () if reason is None else (_fact(reason, fresh),)
        found = await self._scored(now, tools)
        note = "candidates: " + "; ".join(sorted({one.answer for one in fresh})) if fresh else "no candidate answer"
        now.hops.append(
            Hop(queries=(query,), found=tuple((one.chunk.id, one.score) for one in found), facts=facts, note=note)
        )
        if reason is None:
            return "no new reason" if in_time else "budget of time"
        now.reasons.append(reason)
        if hop >= tools.budget.hops:
            return "budget of hops"
        return "budget of time" if over(tools) else ""

    async def _backward(self, query: str, tools: Tools, now: _Progress, hop: int) -> None:
        """Search; each chunk keeps its best probability of being relevant."""
        results = await tools.search(query, images=tools.pictures if hop == 1 else ())
        weight = 1.0 if hop == 1 else _DERIVED
        # A chunk that the query quotes would find itself in it, whatever it says of the question.
        asked = [one for one in results if one.chunk.id not in {reason.chunk_id for reason in now.reasons}]
        scores = {name: weight * score for name, score in (await scores_of(query, asked, tools)).items()}
        for one in found_of(asked, scores, hop=hop):
            known = now.pool.get(one.chunk.id)
            if known is None or one.score > known.score:
                now.pool[one.chunk.id] = one if known is None else replace(one, hop=known.hop)

    async def _ahead(self, question: str, tools: Tools, now: _Progress, fresh: list[Sample]) -> None:
        """Sample candidate answers from the best chunks, those first that reasons came from."""
        notes = _notes(question, tools, now)
        if not notes:
            return
        parts = tools.parts if tools.model.sees else ()
        prompt = read_prompt(shorten(question), [f"{note.label}: {note.text}" for note in notes], parts)
        for seed in range(self._samples):
            sampling = Sampling(
                max_tokens=self._max_tokens,
                temperature=self._temperature,
                seed=seed if self._temperature else None,
                stop=("\n",),
                top_logprobs=1,
            )
            reply = await tools.model.chat(prompt, sampling)
            now.usage += reply.usage
            if (sample := _sample(reply, question, notes)) is not None:
                fresh.append(sample)

    async def _scored(self, now: _Progress, tools: Tools) -> tuple[Found, ...]:
        """The pool by S, best first, with the reranker's probabilities dealt in that order."""
        own = best_first(now.pool.values())
        if not now.samples:
            return own
        # What holds no words is like no sentence: it keeps its own probability.
        bare = [one for one in own if not (one.chunk.text or "").strip()]
        worded = [one for one in own if (one.chunk.text or "").strip()]
        ahead = await asyncio.to_thread(_forward, worded, now.samples, tools)
        forward, backward = self._weights
        marks = {one.chunk.id: forward * ahead[one.chunk.id] + backward * one.score for one in worded}
        return tuple(sorted([*deal(worded, marks), *bare], key=lambda one: -one.score))


def deal(own: Sequence[Found], marks: Mapping[str, float]) -> tuple[Found, ...]:
    """Chunks in the order of their marks, the k-th with the k-th largest score; ties as they came.

    Args:
        own: best first.
        marks: chunk id -> S; noted as the hit of stage ``lookup``.
    """
    order = sorted(own, key=lambda one: -marks[one.chunk.id])
    return tuple(
        replace(
            one,
            score=place.score,
            hits=(*one.hits, Hit(chunk_id=one.chunk.id, score=marks[one.chunk.id], stage="lookup", rank=rank)),
        )
        for rank, (one, place) in enumerate(zip(order, own, strict=True))
    )


def lexical(query: str, texts: Sequence[str]) -> list[float]:
    """Share of the query's content words in each text, in [0, 1], rare words counting more.

    A word counts ``log(1 + n / df)`` with ``df`` of the ``n`` texts that hold it; one that none holds counts nothing.
    """
    words = set(content_words(query))
    held = [words & set(content_words(text)) for text in texts]
    counts = Counter(word for one in held for word in one)
    weights = {word: math.log1p(len(texts) / count) for word, count in counts.items()}
    total = sum(weights.values())
    return [sum(weights[word] for word in sorted(one)) / total if total else 0.0 for one in held]


def _forward(worded: Sequence[Found], samples: Sequence[Sample], tools: Tools) -> dict[str, float]:
    """Chunk id -> likeness to the sample it is most like, in [0, 1]: half words, half cosine. Blocking."""
    queries = list(dict.fromkeys(_line(one.text) for one in samples))
    rows = tools.encoder.encode_text(queries)  # (samples, d)
    points = {point.id: point for point in tools.store.get([one.chunk.id for one in worded], vectors=True)}
    best: dict[str, float] = {one.chunk.id: 0.0 for one in worded}
    for query, row in zip(queries, rows, strict=True):
        words = lexical(query, [one.chunk.text or "" for one in worded])
        for one, share in zip(worded, words, strict=True):
            dense = points[one.chunk.id].dense.get("text") if one.chunk.id in points else None
            # A chunk without a vector (it went away meanwhile) goes by its words.
            cosine = max(float(np.dot(dense, row)), 0.0) if dense is not None else share
            best[one.chunk.id] = max(best[one.chunk.id], (share + cosine) / 2)
    return best


def _notes(question: str, tools: Tools, now: _Progress) -> list[Note]:
    """What fits one prompt: chunks that reasons came from, then the best others."""
    sources = {one.chunk_id: rank for rank, one in enumerate(now.reasons)}
    order = sorted(best_first(now.pool.values()), key=lambda one: sources.get(one.chunk.id, len(sources)))
    notes = notes_of([one for one in order if (one.chunk.text or "").strip()][: tools.budget.evidence], tools)
    groups = batches(question, [], notes, tools.budget.prompt_tokens)
    return groups[0] if groups else []


def _sample(reply: Reply, question: str, notes: Sequence[Note]) -> Sample | None:
    answer = _line(reply.text).strip("\"'").removesuffix(".").strip()
    if not content_words(answer) or answer.casefold() == NONE:
        return None
    logprob = sum(token.logprob for token in reply.logprobs) if reply.logprobs else math.nan
    sentences = [(note.text[span.start : span.end], note.chunk_id) for note in notes for span in statements(note.text)]
    holding = [(text, chunk_id) for text, chunk_id in sentences if holds(text, answer)]
    if not holding:
        return Sample(answer=answer, reason="", chunk_id=None, logprob=logprob)
    reason, chunk_id = max(holding, key=lambda pair: coverage(question, pair[0]))  # the first of equals
    return Sample(answer=answer, reason=reason, chunk_id=chunk_id, logprob=logprob)


def _best(fresh: Sequence[Sample], known: Sequence[Sample]) -> Sample | None:
    """The reason most samples share, the likelier of equals; None where all is known already."""
    old = {one.reason for one in known}
    new = [one for one in fresh if one.reason and one.reason not in old]
    votes = Counter(one.reason for one in new)
    return max(new, key=lambda one: (votes[one.reason], _known_or(one.logprob, -math.inf)), default=None)


def _fact(reason: Sample, fresh: Sequence[Sample]) -> Fact:
    share = sum(one.reason == reason.reason for one in fresh) / len(fresh)
    return Fact(chunk_id=reason.chunk_id or "", text=reason.reason, score=share)


def _known_or(value: float, other: float) -> float:
    return other if math.isnan(value) else value


def _line(text: str) -> str:
    return " ".join(text.split())


def _left(tools: Tools) -> float | None:
    return None if math.isinf(tools.deadline_s) else max(tools.deadline_s - time.monotonic(), 0.0)
