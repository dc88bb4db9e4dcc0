"""Whether a collection carries a claim: searched, reranked, read piece by piece, then weighed together."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL.Image import Image

from foveate.agent.citations import citation
from foveate.agent.deps import Deps
from foveate.agent.multihop.protocols import Tools
from foveate.agent.showing import in_words, part_of
from foveate.agent.state import QuoteRef
from foveate.chunking.passages import passages
from foveate.errors import CallerError
from foveate.memory.filters import parse
from foveate.records import Chunk, Citation, Result
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import ChatModel, Present
from foveate.rerankers.reasoning.entailment import Entailment
from foveate.rerankers.reasoning.joint import JointLabel, JointVerdict, JointWeights, Piece, join
from foveate.rerankers.reasoning.verdict_scale import VerdictScale
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.rerankers.sentences import coverage
from foveate.usage import Usage

__all__ = ["Support", "Verification", "check", "open_verifier", "verify_claim", "verify_in"]

_PIECE_CHARS = 600
"""A longer chunk is read in stretches of whole sentences: a small model loses a claim in a page."""
_PER_CHUNK = 3
_PIECES = 12
_AT_ONCE = 4
"""Pieces read between two looks at the clock."""
_LEAST = 0.05
"""Relevance below which a piece is not read."""
_TOGETHER = 3
_RELEVANT = 0.5
_MAX_CLAIM = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """A place that speaks for or against a claim."""

    citation: Citation
    entailment: Entailment
    """Of this piece alone, or of those read with it."""
    relevance: float
    """Probability in [0, 1], by the reranker."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        body = {"citation": self.citation.to_dict(), "entailment": self.entailment.to_dict()}
        return body | {"relevance": round(self.relevance, 4)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """What a collection is to a claim."""

    claim: str
    label: JointLabel
    probability: float
    """Of the label, in [0, 1]."""
    entailment: Entailment
    """Of all evidence together."""
    support: tuple[Support, ...]
    """What entails the claim, then what contradicts it, strongest first. Empty where nothing speaks of it."""
    read: int
    """Pieces of evidence that were read."""
    complete: bool = True
    """False where time ran out before all were."""
    usage: Usage = field(default_factory=Usage)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "claim": self.claim,
            "label": self.label,
            "probability": round(self.probability, 4),
            "entailment": self.entailment.to_dict(),
            "support": [one.to_dict() for one in self.support],
            "read": self.read,
            "complete": self.complete,
            "usage": self.usage.to_dict(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stretch:
    """Words to be read, and where they stand."""

    chunk: Chunk
    text: str
    quote: QuoteRef
    relevance: float


def open_verifier(chat: ChatModel) -> tuple[Verifier, JointWeights | None]:
    """A verifier, and weights of the joint verdict; both as fitted with the shipped adapter where that is the model.

    Raises:
        CallerError: the shipped files were fitted with another version of the adapter.
        ModelError: they are damaged.
    """
    if not isinstance(chat, LocalChat) or chat.adapter != shipped.REASONER:
        return Verifier(chat), None
    scale, joint = shipped.REASONER.with_suffix(".scale.json"), shipped.REASONER.with_suffix(".joint.json")
    return (
        Verifier(chat, VerdictScale.load(scale, model=chat.name) if scale.is_file() else None),
        JointWeights.load(joint, model=chat.name) if joint.is_file() else None,
    )


async def verify_in(deps: Deps, claim: str, images: Sequence[str] = (), filters: str = "") -> Verification:
    """:func:`verify_claim` with the parts of an agent.

    Args:
        deps: of the agent; its reasoner verifies, else its generator.
        claim: a sentence that can be true.
        images: paths of pictures that belong to it, searched together with its words.
        filters: what may be looked at.

    Raises:
        CallerError: an empty or too long claim, a bad filter, or no such picture.
        ModelError, ServiceError: a model failed, or gives no log-probabilities.
    """
    pictures = await asyncio.to_thread(_opened, images, deps)
    tools = Tools(
        store=deps.store,
        encoder=deps.encoder,
        searcher=deps.searcher,
        reranker=deps.reranker,
        model=deps.reasoner or deps.model,
        budget=deps.budget,
        where=parse(filters) if filters.strip() else None,
        pictures=pictures,
        parts=tuple(part_of(picture) for picture in pictures),
        deadline_s=time.monotonic() + deps.budget.seconds,
    )
    return await verify_claim(claim, tools, present=in_words(deps.look, deps.encoder))


async def verify_claim(
    claim: str,
    tools: Tools,
    *,
    results: Sequence[Result] | None = None,
    present: Present | None = None,
    verifier: Verifier | None = None,
    weights: JointWeights | None = None,
) -> Verification:
    """Hold a claim against the collection, or against ``results``.

    The pieces are verified one by one and joined by relevance and entailment. Where no single one speaks and several
    are relevant, the best are also read as one: a claim may rest on two sentences that stand apart.

    Args:
        claim: a sentence that can be true.
        tools: what searches, reranks and verifies; nothing is read after ``deadline_s``.
        results: evidence that is already there; None searches for the claim.
        present: tells pictures in words; None leaves pictures without text out.
        verifier: None verifies with ``tools.model``, calibrated where that is the shipped adapter.
        weights: of the joint verdict.

    Raises:
        CallerError: an empty or too long claim.
        ModelError, ServiceError: a model failed, or gives no log-probabilities.
    """
    claim = " ".join(claim.split())
    if not claim or len(claim) > _MAX_CLAIM:
        raise CallerError(f"the claim has {len(claim)} characters; allowed are 1 to {_MAX_CLAIM}")
    if verifier is None:
        verifier, fitted = open_verifier(tools.model)
        weights = weights or fitted
    if results is None:
        results = await tools.search(claim, images=tools.pictures)
    hits = await tools.rerank(claim, results)
    chances = {hit.chunk_id: min(max(hit.score, 0.0), 1.0) for hit in hits}
    relevant = [one for one in results if chances.get(one.chunk.id, 0.0) >= _LEAST]
    texts = await asyncio.to_thread(_texts, relevant, present)
    stretches = _stretches(claim, relevant, texts, chances)
    pieces, complete = await _read(claim, stretches, verifier, tools.deadline_s)
    verdict = join(pieces, weights)
    if verdict.label == "neutral" and complete:
        pieces, verdict = await _read_together(claim, stretches, pieces, verifier, weights)
    return Verification(
        claim=claim,
        label=verdict.label,
        probability=verdict.probability,
        entailment=verdict.entailment,
        support=_support(claim, verdict, stretches, pieces),
        read=min(len(pieces), len(stretches)),
        complete=complete,
        usage=verdict.entailment.usage + Usage(hops=1),
    )


async def check(
    claims: Sequence[tuple[str, Sequence[str]]], verifier: Verifier, weights: JointWeights | None = None
) -> list[Entailment]:
    """Hold claims against the evidence they cite, which counts as relevant.

    Args:
        claims: (claim, texts it cites). Without a text a claim is neutral: nothing carries it.
        verifier: judges each pair.
        weights: of the joint entailment where a claim cites several texts; of one text its own counts.

    Returns:
        One entailment a claim, in order; unknown where the model said nothing of any of its texts.

    Raises:
        CallerError: an empty claim.
        ModelError, ServiceError: the model failed.
    """
    pairs = [(claim, text) for claim, texts in claims for text in texts]
    said = iter(await verifier.verify(pairs))
    found = []
    for _, texts in claims:
        own = [next(said) for _ in texts]
        known = [one for one in own if one.known]
        alone = len(known) == 1 or not known
        joint = join([Piece(relevance=1.0, entailment=one) for one in own], weights).entailment
        found.append((known or own or [_NOTHING])[0] if alone else joint)
    return found


_NOTHING = Entailment(entailed=0.0, contradicted=0.0, neutral=1.0)


def _opened(paths: Sequence[str], deps: Deps) -> tuple[Image, ...]:
    for path in paths:
        if not Path(path).expanduser().is_file():
            raise CallerError(f"no picture at {path!r}")
    return tuple(deps.load(path) for path in paths)


def _texts(results: Sequence[Result], present: Present | None) -> dict[str, str]:
    """Words of each chunk by its id: its own, or its picture told in words."""
    own = {one.chunk.id: one.chunk.text or "" for one in results}
    mute = [one for one in results if not own[one.chunk.id].strip()]
    told = present(mute) if present is not None and mute else ()
    return own | {candidate.id: candidate.text for candidate in told}


def _stretches(
    claim: str, results: Sequence[Result], texts: dict[str, str], chances: dict[str, float]
) -> list[_Stretch]:
    """What is read, most promising first; equal words of two places count once."""
    found = []
    for result in results:
        own = [_stretch(result.chunk, texts[result.chunk.id], chances, span) for span in _spans(result, texts)]
        own.sort(key=lambda one: (-coverage(claim, one.text), one.quote["start"]))
        found += own[:_PER_CHUNK]
    found.sort(key=lambda one: (-one.relevance, -coverage(claim, one.text), one.chunk.id, one.quote["start"]))
    distinct: dict[str, _Stretch] = {}
    for one in found:
        distinct.setdefault(" ".join(one.text.split()), one)
    return list(distinct.values())[:_PIECES]


def _spans(result: Result, texts: dict[str, str]) -> list[tuple[int, int]]:
    text = texts[result.chunk.id]
    if not text.strip():
        return []
    if len(text) <= _PIECE_CHARS:
        return [(0, len(text))]
    return [(span.start, span.end) for span in passages(text, max_chars=_PIECE_CHARS)]


def _stretch(chunk: Chunk, text: str, chances: dict[str, float], span: tuple[int, int]) -> _Stretch:
    start, end = span
    words = text[start:end]
    own = bool((chunk.text or "").strip())
    quote = QuoteRef(
        chunk_id=chunk.id, start=start if own else 0, end=end if own else 0, words="" if own else words, step=0
    )
    return _Stretch(chunk=chunk, text=words, quote=quote, relevance=chances[chunk.id])


async def _read(
    claim: str, stretches: Sequence[_Stretch], verifier: Verifier, deadline_s: float
) -> tuple[list[Piece], bool]:
    """Pieces as far as time allows, and whether that was all."""
    pieces: list[Piece] = []
    for start in range(0, len(stretches), _AT_ONCE):
        if time.monotonic() >= deadline_s:
            return pieces, False
        some = stretches[start : start + _AT_ONCE]
        said = await verifier.verify([(claim, one.text) for one in some])
        pieces += [Piece(relevance=one.relevance, entailment=two) for one, two in zip(some, said, strict=True)]
    return pieces, True


async def _read_together(
    claim: str, stretches: Sequence[_Stretch], pieces: list[Piece], verifier: Verifier, weights: JointWeights | None
) -> tuple[list[Piece], JointVerdict]:
    """The best pieces once more, as one text; it stands behind them as a piece of its own."""
    best = [one for one in stretches[:_TOGETHER] if one.relevance >= _RELEVANT]
    if len(best) > 1:
        (said,) = await verifier.verify([(claim, " ".join(one.text for one in best))])
        pieces = [*pieces, Piece(relevance=min(one.relevance for one in best), entailment=said)]
    return pieces, join(pieces, weights)


def _support(
    claim: str, verdict: JointVerdict, stretches: Sequence[_Stretch], pieces: Sequence[Piece]
) -> tuple[Support, ...]:
    found: dict[int, Support] = {}
    for place in (*verdict.support, *verdict.against):
        best = [i for i, one in enumerate(stretches[:_TOGETHER]) if one.relevance >= _RELEVANT]
        for i in [place] if place < len(stretches) else best:
            one = stretches[i]
            made = Support(
                citation=citation(claim, one.quote, one.chunk),
                entailment=pieces[place].entailment,
                relevance=one.relevance,
            )
            found.setdefault(i, made)
    return tuple(found.values())
