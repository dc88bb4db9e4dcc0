"""What a caller of ``Agent.stream`` sees, in order."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from foveate.records import Answer

__all__ = ["Answered", "Delta", "Event", "Stage"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A node of the graph ended."""

    name: Literal["plan", "retrieve", "rerank", "read", "judge", "answer"]
    detail: Mapping[str, Any]
    """What it found: queries, hits with scores, quotes, verdict."""
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """A piece of the draft as the model writes it. The checked answer may leave some of it out."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """The last event."""

    answer: Answer


Event = Stage | Delta | Answered


def to_dict(event: Event) -> dict[str, Any]:
    """JSON form with ``event`` naming the kind."""
    if isinstance(event, Answered):
        return {"event": "answer", **event.answer.to_dict()}
    return {"event": "stage" if isinstance(event, Stage) else "delta", **asdict(event)}
