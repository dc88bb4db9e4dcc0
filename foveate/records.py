"""The records all layers share. Frozen, keyword-only; pydantic only at the edges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from foveate.locators import Locator, describe, to_dict
from foveate.usage import Usage

__all__ = [
    "Answer",
    "Chunk",
    "Citation",
    "Hit",
    "Media",
    "MediaKind",
    "Modality",
    "Part",
    "Reason",
    "Result",
    "Verdict",
]

MediaKind = Literal["image", "document", "film"]
Part = Literal["picture", "tile", "page", "passage", "frame", "subtitle", "ocr"]
"""What a chunk is: whole picture, part of one, page picture, stretch of text, film frame, spoken line, or text
read off a picture (``ocr``)."""
Verdict = Literal["answered", "partial", "unanswerable"]
Reason = Literal[
    "no_evidence",
    "absent_object",
    "incompatible_question",
    "false_premise",
    "conflicting",
    "out_of_budget",
    "none",
]
Modality = Literal["any", "image", "text", "film"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """One file's content. Two paths with the same bytes and sidecars are one media."""

    id: str
    """Hash of kind, bytes and sidecars: see :func:`foveate.ids.media_id`."""
    kind: MediaKind
    format: str
    """Lower-case container name found by content: ``png``, ``jpeg``, ``pdf``, ``markdown``, ``mp4``."""
    size_bytes: int
    title: str | None = None
    """A title the file itself carries (HTML title, first Markdown heading, PDF metadata)."""
    date: str | None = None
    """ISO 8601 date and time the file itself carries (EXIF, PDF metadata); None when it carries none."""
    place: tuple[float, float] | None = None
    """EXIF latitude and longitude in degrees."""
    duration_s: float | None = None
    """Length of a film in seconds; None for what has no duration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """The unit that is found, read and cited."""

    id: str
    media_id: str
    kind: MediaKind
    part: Part
    locator: Locator
    text: str | None
    """Caption, passage, spoken line or recognised text; None for a picture nobody described."""
    paths: tuple[str, ...]
    """Every place the media was found at, sorted."""
    format: str = ""
    title: str | None = None
    date: str | None = None
    place: tuple[float, float] | None = None
    parent: str | None = None
    """Id of the chunk this one is a part of; None for a top-level one."""

    @property
    def path(self) -> str:
        """The first of ``paths``."""
        return self.paths[0] if self.paths else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A chunk as one stage scored it. Stages add hits; none overwrites another's."""

    chunk_id: str
    score: float
    stage: str
    """Who scored: ``image``, ``text``, ``bm25``, ``fused``, ``rerank`` ..."""
    rank: int
    """Place in that stage's list, from 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A chunk found, with what each stage said of it."""

    chunk: Chunk
    score: float
    """Score of the last stage."""
    hits: tuple[Hit, ...]
    """One a stage that saw the chunk."""
    also: tuple[str, ...] = ()
    """Ids of near-duplicates folded into this one."""

    def hit(self, stage: str) -> Hit | None:
        """What one stage said, if it saw the chunk."""
        return next((hit for hit in self.hits if hit.stage == stage), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "chunk_id": self.chunk.id,
            "score": round(self.score, 6),
            "kind": self.chunk.kind,
            "part": self.chunk.part,
            "path": self.chunk.path,
            "paths": list(self.chunk.paths),
            "locator": to_dict(self.chunk.locator),
            "where": describe(self.chunk.locator),
            "text": self.chunk.text,
            "stages": {hit.stage: {"score": round(hit.score, 6), "rank": hit.rank} for hit in self.hits},
            "also": list(self.also),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A place in the user's media that carries a claim. Bound by code, never written by a model."""

    claim: str
    chunk_id: str
    locator: Locator
    source: str
    """Path of the media."""
    quote: str | None = None
    """The words cited, verbatim from the chunk; None for a picture."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "claim": self.claim,
            "chunk_id": self.chunk_id,
            "locator": to_dict(self.locator),
            "where": describe(self.locator),
            "source": self.source,
            "quote": self.quote,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What comes back for a question."""

    text: str
    verdict: Verdict
    reason: Reason
    confidence: float
    """Calibrated probability in [0, 1] that answering is right; of an abstention, that it would have been."""
    citations: tuple[Citation, ...]
    usage: Usage
    trace: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """One event a stage, in order: plan, hits with scores, what was read, verdicts."""
    thread_id: str | None = None
    short: str | None = None
    """The answer in as few words as possible, copied from the evidence or counted; None where none was read."""
    choice: int | None = None
    """Of a question with options, the place of the chosen one, from 0; None where there are none or none is right."""

    def to_dict(self, *, trace: bool = False) -> dict[str, Any]:
        """JSON form; the trace only when asked for."""
        body: dict[str, Any] = {
            "text": self.text,
            "short": self.short,
            "choice": self.choice,
            "verdict": self.verdict,
            "reason": self.reason,
            "confidence": round(self.confidence, 4),
            "citations": [citation.to_dict() for citation in self.citations],
            "usage": self.usage.to_dict(),
            "thread_id": self.thread_id,
        }
        return body | ({"trace": [dict(event) for event in self.trace]} if trace else {})
