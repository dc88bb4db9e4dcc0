"""What a caller of ``Agent.stream`` sees, in order."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from foveate.records import Answer

__all__ = ["Answered", "Delta", "Event", "Margin", "Stage", "StageName"]

StageName = Literal["plan", "gather", "read", "count", "compare", "verify", "judge", "answer"]
"""``gather`` to ``compare`` come once a step of the plan, of steps side by side in the order in which they end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage of the question's way ended."""

    name: StageName
    detail: Mapping[str, Any]
    """What it found: steps, queries, hits with scores, quotes, verdict."""
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Margin:
    """A note on one piece of long evidence, as soon as that piece is read."""

    chunk_id: str
    source: str
    """Path of the media."""
    text: str
    """Words of the evidence that help; empty when nothing does."""
    relevant: bool
    index: int
    """Of this piece, from 1."""
    of: int
    """Pieces to be read in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """A piece of the draft as the model writes it. The checked answer may leave some of it out."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """The last event."""

    answer: Answer


Event = Stage | Margin | Delta | Answered
_NAMES = {Stage: "stage", Margin: "margin", Delta: "delta"}


def to_dict(event: Event) -> dict[str, Any]:
    """JSON form with ``event`` naming the kind."""
    if isinstance(event, Answered):
        return {"event": "answer", **event.answer.to_dict()}
    return {"event": _NAMES[type(event)], **asdict(event)}
