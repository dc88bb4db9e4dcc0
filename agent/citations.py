"""Claims are bound to what was read by code. What a model says of its sources is not asked for and not believed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foveate.agent.state import QuoteRef
from foveate.locators import CharSpan, Locator, describe
from foveate.records import Chunk, Citation
from foveate.rerankers.sentences import content_words

__all__ = ["Support", "bind", "citation", "cited", "note_of", "quote_text", "split_claims"]

_SUPPORTED = 0.6
"""Share of a claim's content words that one quote must hold."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_NOTE_NUMBER = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SPEAKER = re.compile(r"\b(?:I|[Mm]e|[Mm]y)\b")
"""A model that speaks of what it did: evidence can order that, and never shows it."""
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][a-z]{2,}\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """A claim and the quotes that hold it, best first; positions in the list of quotes."""

    claim: str
    quotes: tuple[int, ...]


def quote_text(quote: QuoteRef, chunk: Chunk) -> str:
    """The words of a quote: verbatim from the chunk, or what the picture was told as."""
    return (chunk.text or "")[quote["start"] : quote["end"]] if quote["end"] else quote["words"]


def note_of(quote: QuoteRef, chunk: Chunk) -> str:
    """A quote as models are shown it: what it is from, and its words."""
    what = {"image": "Picture", "film": "Film"}.get(chunk.kind, "Document")
    label = f"{what} {chunk.title!r}" if chunk.title else what
    where = f" at {describe(chunk.locator)}" if chunk.kind == "film" else ""
    return f"{label}{where}: {quote_text(quote, chunk)}"


def split_claims(text: str) -> list[str]:
    """Sentences of a draft, without the note numbers a model writes: where a claim comes from is not its to say."""
    parts = [part.strip() for part in _SENTENCE_END.split(_NOTE_NUMBER.sub("", text)) if content_words(part)]
    return list(dict.fromkeys(parts))  # small models repeat themselves


def bind(claims: Sequence[str], question: str, quotes: Sequence[str]) -> list[Support]:
    """Keep the claims that what was read holds.

    A claim stands when one quote has most of its content words, and every number and name of it stands in that
    quote or in the question: models err most often in exactly those.
    """
    supports = []
    for claim in claims:
        scored = [(_share(claim, question, quote), -i) for i, quote in enumerate(quotes)]
        good = sorted((item for item in scored if item[0] >= _SUPPORTED), reverse=True)
        if good:
            supports.append(Support(claim=claim, quotes=tuple(-i for _, i in good[:2])))
    return supports


def citation(claim: str, quote: QuoteRef, chunk: Chunk) -> Citation:
    """A citation of one quote. Characters of a text are narrowed to the quote itself."""
    return Citation(
        claim=claim,
        chunk_id=chunk.id,
        locator=_narrow(chunk.locator, quote),
        source=chunk.path,
        quote=quote_text(quote, chunk) if quote["end"] else None,
    )


def cited(supports: Sequence[Support], quotes: Sequence[QuoteRef], chunks: Mapping[str, Chunk]) -> list[Citation]:
    """Citations of all claims, in their order; the same words of the same file are cited once a claim."""
    found: dict[tuple[str, str, str], Citation] = {}
    for support in supports:
        for i in support.quotes:
            chunk = chunks[quotes[i]["chunk_id"]]
            words = " ".join(quote_text(quotes[i], chunk).split())
            found.setdefault((support.claim, chunk.path, words), citation(support.claim, quotes[i], chunk))
    return list(found.values())


def _narrow(locator: Locator, quote: QuoteRef) -> Locator:
    if isinstance(locator, CharSpan) and quote["end"]:
        return CharSpan(start=locator.start + quote["start"], end=locator.start + quote["end"])
    return locator


def _share(claim: str, question: str, quote: str) -> float:
    known = f"{question} {quote}"
    hard = {*_NUMBER.findall(claim), *_NAME.findall(claim)}
    if any(token.lower() not in known.lower() for token in hard):
        return 0.0
    if set(_SPEAKER.findall(claim)) - set(_SPEAKER.findall(quote)):
        return 0.0
    words = set(content_words(claim))
    fresh = words - set(content_words(question))
    held = set(content_words(quote))
    # Words of the question prove nothing by themselves: what the claim adds must stand in the quote.
    if fresh and len(fresh & held) / len(fresh) < _SUPPORTED:
        return 0.0
    return len(words & held) / len(words) if words else 0.0
