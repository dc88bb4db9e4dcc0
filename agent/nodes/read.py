"""read: from the probable chunks, the sentences that matter; pictures are told in words to who cannot see."""

import asyncio
from typing import Any

import numpy as np
from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged, usage_of
from foveate.agent.state import AgentState, EvidenceRef, QuoteRef
from foveate.errors import FoveateError
from foveate.records import Chunk
from foveate.rerankers.sentences import coverage, statements
from foveate.usage import Usage

__all__ = ["RELEVANT", "read"]

RELEVANT = 0.5
"""Evidence below this probability is not read. Empty evidence means abstain, never "use everything instead"."""
_NEAR_BEST = 0.25
"""Share of the best chunk's odds that another must have: small models pick their answer from what merely sounds alike
when it stands among the notes."""
_SENTENCES = 3
"""Sentences kept of one chunk."""
_CHARS_PER_TOKEN = 3
"""A cautious guess for English and a byte-pair vocabulary, so that the budget is kept without a tokenizer."""


@staged("read")
async def read(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Quotes of the best evidence, best first, within the prompt's budget."""
    deps = runtime.context
    refs = _worth_reading(state["evidence"])[: deps.budget.evidence]
    known = {quote["chunk_id"]: quote["words"] for quote in state["quotes"] if quote["words"]}
    chunks = {chunk.id: chunk for chunk in deps.chunks([ref["chunk_id"] for ref in refs])}
    quotes: list[QuoteRef] = []
    left = deps.budget.prompt_tokens * _CHARS_PER_TOKEN
    told = 0
    for chunk in _in_order(refs, chunks):
        if chunk.text:
            picked = _quote(chunk, state["question"], deps)
        else:
            words = known.get(chunk.id) or await asyncio.to_thread(_tell, chunk, deps)
            picked = [QuoteRef(chunk_id=chunk.id, start=0, end=0, words=words)] if words else []
            told += bool(picked)
        for quote in picked:
            left -= len(quote["words"]) + quote["end"] - quote["start"]
            if left >= 0:
                quotes.append(quote)
    update: AgentState = {"quotes": quotes}
    if told:
        frames = sum(chunk.kind == "film" for chunk in chunks.values() if not chunk.text)
        update["usage"] = (usage_of(state) + Usage(frames_decoded=frames)).to_dict()
    detail = {"read": len(chunks), "quotes": [dict(quote) for quote in quotes], "pictures_told_in_words": told}
    return update, detail


def _worth_reading(evidence: list[EvidenceRef]) -> list[EvidenceRef]:
    best = max((_odds(ref) for ref in evidence), default=0.0)
    return [ref for ref in evidence if ref["score"] >= RELEVANT and _odds(ref) >= _NEAR_BEST * best]


def _odds(ref: EvidenceRef) -> float:
    return ref["score"] / max(1.0 - ref["score"], 1e-6)


def _in_order(refs: list[EvidenceRef], chunks: dict[str, Chunk]) -> list[Chunk]:
    return [chunks[ref["chunk_id"]] for ref in refs if ref["chunk_id"] in chunks]


def _quote(chunk: Chunk, question: str, deps: Deps) -> list[QuoteRef]:
    text = chunk.text or ""
    spans = statements(text)
    if len(spans) > _SENTENCES:
        parts = [text[span.start : span.end] for span in spans]
        rows = deps.encoder.encode_text([question, *parts])  # (1 + sentences, d)
        scores = rows[1:] @ rows[0] + np.array([coverage(question, part) for part in parts])
        best = sorted(np.argsort(-scores, kind="stable")[:_SENTENCES])
        spans = tuple(spans[i] for i in best)
    return [QuoteRef(chunk_id=chunk.id, start=span.start, end=span.end, words="") for span in spans]


def _tell(chunk: Chunk, deps: Deps) -> str:
    """A picture in words: what the encoder takes it for, with its doubts."""
    try:
        tags = deps.encoder.tag_images([deps.look(chunk)])[0]
    except (FoveateError, OSError):
        return ""  # the file went away after indexing: nothing can be read, and the trace shows nothing was
    return "a picture that looks like " + ", ".join(f"{word} ({share:.0%})" for word, share in tags) if tags else ""
