"""What travels along the graph: ids, scores and short texts. Never pixels, never vectors, never passages.

Every value is JSON, so that a checkpoint holds nothing that must be imported to be read.
"""

from typing import Any, TypedDict

__all__ = ["AgentState", "EvidenceRef", "QuoteRef", "Turn"]


class Turn(TypedDict):
    """A question of this thread and what was answered."""

    question: str
    answer: str


class EvidenceRef(TypedDict):
    """A chunk that a question turned up, with its probability of being relevant."""

    chunk_id: str
    score: float
    stages: dict[str, list[float]]
    """Stage -> [score, rank]."""
    hop: int


class QuoteRef(TypedDict):
    """A stretch of a chunk's text that was read; ``end`` 0 stands for a picture told in words."""

    chunk_id: str
    start: int
    end: int
    words: str
    """What a model that cannot see is told of a picture; empty for a text."""


class AgentState(TypedDict, total=False):
    """One question's state; ``turns`` alone outlives it within a thread."""

    question: str
    images: list[str]
    filters: str
    turns: list[Turn]
    started_s: float
    steps: list[dict[str, Any]]
    """The plan: id, query, modality, after."""
    queries: list[str]
    """What to search for in this hop."""
    searched: list[str]
    hop: int
    evidence: list[EvidenceRef]
    quotes: list[QuoteRef]
    verdict: str
    reason: str
    confidence: float
    again: bool
    """True when the judge wants another hop."""
    text: str
    citations: list[dict[str, Any]]
    usage: dict[str, Any]
    trace: list[dict[str, Any]]
