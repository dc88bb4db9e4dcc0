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
    seconds_saved: float | None = None
    """Wall seconds that cached tokens spared, estimated; None where nothing was measured. See ``PrefillRate``."""
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
            if item.name not in ("seconds", "seconds_saved")
        }
        saved = [value for value in (self.seconds_saved, other.seconds_saved) if value is not None]
        return Usage(seconds=seconds, seconds_saved=sum(saved) if saved else None, **counts)

    def to_dict(self) -> dict[str, Any]:
        """JSON form, seconds rounded to milliseconds."""
        counts = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "seconds"}
        if self.seconds_saved is not None:
            counts["seconds_saved"] = round(self.seconds_saved, 3)
        return {**counts, "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()}}
