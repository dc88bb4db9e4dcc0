"""What an answer cost: tokens, pictures, frames, hops, seconds per stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["Usage"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Counts add up with ``+``; addition is commutative, so parallel steps may report in any order."""

    tokens_in: int = 0
    """Prompt tokens, those from a cache included."""
    tokens_cached: int = 0
    """Prompt tokens that a prefix cache supplied; never more than ``tokens_in``."""
    tokens_out: int = 0
    """Generated tokens."""
    images_sent: int = 0
    """Pictures sent to a model as pixels."""
    frames_decoded: int = 0
    """Film frames decoded while answering."""
    hops: int = 0
    """Retrieval rounds."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall seconds per stage."""

    def __add__(self, other: "Usage") -> "Usage":
        seconds = {
            stage: self.seconds.get(stage, 0.0) + other.seconds.get(stage, 0.0)
            for stage in sorted({*self.seconds, *other.seconds})
        }
        counts = {
            item.name: getattr(self, item.name) + getattr(other, item.name)
            for item in fields(self)
            if item.name != "seconds"
        }
        return Usage(seconds=seconds, **counts)

    def to_dict(self) -> dict[str, Any]:
        """JSON form, seconds rounded to milliseconds."""
        counts = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "seconds"}
        return {**counts, "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()}}
