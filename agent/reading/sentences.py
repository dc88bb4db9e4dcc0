"""From the probable chunks, the sentences that matter; pictures are told in words to who cannot see."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from foveate.agent.deps import Deps
from foveate.agent.multihop.protocols import Fact, Found
from foveate.agent.state import QuoteRef
from foveate.errors import FoveateError
from foveate.records import Chunk
from foveate.rerankers.sentences import coverage, statements
from foveate.usage import Usage

__all__ = ["RELEVANT", "Read", "read_facts", "read_sentences", "worth_reading"]

RELEVANT = 0.5
"""Evidence below this probability is not read. Empty evidence means abstain, never "use everything instead"."""
_NEAR_BEST = 0.25
"""Share of the best chunk's odds that another must have: small models pick their answer from what merely sounds alike
when it stands among the notes."""
_SENTENCES = 3
"""Sentences kept of one chunk."""
_CHARS_PER_TOKEN = 3
"""A cautious guess for English and a byte-pair vocabulary, so that the budget is kept without a tokenizer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What was read for one step."""

    quotes: tuple[QuoteRef, ...]
    """Best first."""
    told: int = 0
    """Pictures told in words."""
    failed: str = ""
    """What the reading model failed with."""
    usage: Usage = field(default_factory=Usage)


async def read_sentences(question: str, found: Sequence[Found], step: int, deps: Deps) -> Read:
    """Quotes of the best evidence, best first, within the prompt's budget."""
    quotes: list[QuoteRef] = []
    left = deps.budget.prompt_tokens * _CHARS_PER_TOKEN
    told = frames = 0
    for one in worth_reading(found)[: deps.budget.evidence]:
        if one.chunk.text:
            picked = await asyncio.to_thread(_quote, one.chunk, question, step, deps)
        else:
            words = await asyncio.to_thread(_tell, one.chunk, deps)
            picked = [QuoteRef(chunk_id=one.chunk.id, start=0, end=0, words=words, step=step)] if words else []
            told += bool(picked)
            frames += one.chunk.kind == "film"
        for quote in picked:
            if not quotes and quote["end"] - quote["start"] > left:
                quote["end"] = quote["start"] + left  # a sentence that fills the prompt alone is read as far as it fits
            left -= len(quote["words"]) + quote["end"] - quote["start"]
            if left >= 0:
                quotes.append(quote)
    return Read(quotes=tuple(quotes), told=told, usage=Usage(frames_decoded=frames))


def read_facts(facts: Sequence[Fact], found: Sequence[Found], step: int) -> Read:
    """Facts that a strategy quoted verbatim, as places of their chunks; what stands in none is left out."""
    chunks = {one.chunk.id: one.chunk for one in found}
    quotes = []
    for fact in facts:
        text = chunks[fact.chunk_id].text or "" if fact.chunk_id in chunks else ""
        start = text.find(fact.text)
        if start >= 0 and fact.text:
            end = start + len(fact.text)
            quotes.append(QuoteRef(chunk_id=fact.chunk_id, start=start, end=end, words="", step=step))
    return Read(quotes=tuple(quotes))


def worth_reading(found: Sequence[Found]) -> list[Found]:
    """What is relevant, and not much less so than the best."""
    best = max((_odds(one.score) for one in found), default=0.0)
    return [one for one in found if one.score >= RELEVANT and _odds(one.score) >= _NEAR_BEST * best]


def _odds(score: float) -> float:
    return score / max(1.0 - score, 1e-6)


def _quote(chunk: Chunk, question: str, step: int, deps: Deps) -> list[QuoteRef]:
    text = chunk.text or ""
    spans = statements(text)
    if len(spans) > _SENTENCES:
        parts = [text[span.start : span.end] for span in spans]
        rows = deps.encoder.encode_text([question, *parts])  # (1 + sentences, d)
        scores = rows[1:] @ rows[0] + np.array([coverage(question, part) for part in parts])
        best = sorted(np.argsort(-scores, kind="stable")[:_SENTENCES])
        spans = tuple(spans[i] for i in best)
    return [QuoteRef(chunk_id=chunk.id, start=span.start, end=span.end, words="", step=step) for span in spans]


def _tell(chunk: Chunk, deps: Deps) -> str:
    """A picture in words: what the encoder takes it for, with its doubts."""
    try:
        tags = deps.encoder.tag_images([deps.look(chunk)])[0]
    except (FoveateError, OSError):
        return ""  # the file went away after indexing: nothing can be read, and the trace shows nothing was
    return "a picture that looks like " + ", ".join(f"{word} ({share:.0%})" for word, share in tags) if tags else ""
