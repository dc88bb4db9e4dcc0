"""Where in a media a chunk lies: page box, picture box, time span, character span.

Boxes are (x0, y0, x1, y1) with the origin at the top left, normalised to [0, 1], so that they survive
any resize. Times are presentation times in seconds. Character offsets count Unicode code points.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foveate.errors import CallerError

__all__ = ["Box", "CharSpan", "Locator", "PageBox", "TimeSpan", "describe", "from_dict", "to_dict"]


def _check_box(x0: float, y0: float, x1: float, y1: float) -> None:
    if not (0.0 <= x0 < x1 <= 1.0 and 0.0 <= y0 < y1 <= 1.0):
        raise CallerError(f"box {(x0, y0, x1, y1)!r} must satisfy 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A rectangle of a picture, as shares of its width and height."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        _check_box(self.x0, self.y0, self.x1, self.y1)

    @property
    def whole(self) -> bool:
        """True when the box is the whole picture."""
        return (self.x0, self.y0, self.x1, self.y1) == (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PageBox:
    """A rectangle of a page. Pages count from 1, as readers print them."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if self.page < 1:
            raise CallerError(f"page {self.page!r} must be 1 or more")
        _check_box(self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeSpan:
    """A stretch of a film, from ``start_s`` up to ``end_s`` seconds."""

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.end_s) and 0.0 <= self.start_s <= self.end_s):
            raise CallerError(f"time span {(self.start_s, self.end_s)!r} must satisfy 0 <= start_s <= end_s")

    def overlaps(self, other: "TimeSpan") -> bool:
        """True when the two share more than one instant."""
        return min(self.end_s, other.end_s) > max(self.start_s, other.start_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class CharSpan:
    """Characters ``start`` up to, not including, ``end`` of a text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise CallerError(f"character span {(self.start, self.end)!r} must satisfy 0 <= start < end")


Locator = Box | PageBox | TimeSpan | CharSpan

_TYPES: dict[str, type[Locator]] = {"box": Box, "page": PageBox, "time": TimeSpan, "chars": CharSpan}
_NAMES = {cls: name for name, cls in _TYPES.items()}


def to_dict(locator: Locator) -> dict[str, Any]:
    """JSON form: the fields beside ``type``, one of ``box``, ``page``, ``time``, ``chars``."""
    # Not asdict: it looks for records within records, at 6 times the price.
    return {"type": _NAMES[type(locator)], **{name: getattr(locator, name) for name in locator.__slots__}}


def from_dict(data: Mapping[str, Any]) -> Locator:
    """Inverse of :func:`to_dict`.

    Raises:
        CallerError: the type is unknown or the fields do not fit it.
    """
    fields = {key: value for key, value in data.items() if key != "type"}
    kind = _TYPES.get(str(data.get("type")))
    if kind is None:
        raise CallerError(f"locator type {data.get('type')!r} must be one of {sorted(_TYPES)}")
    try:
        return kind(**fields)
    except TypeError as error:
        raise CallerError(f"locator {dict(data)!r}: {error}") from None


def _clock(seconds: float) -> str:
    # Tenths, because a subtitle is often shorter than a second; rounded down so a span never claims more.
    tenths = int(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    hours, rest = divmod(whole, 3600)
    return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{tenth}"


def describe(locator: Locator) -> str:
    """Short form for people: ``page 3``, ``00:05:30.0 to 00:08:00.0``, ``box 10,20 to 55,80 %``."""
    match locator:
        case PageBox(page=page):
            return f"page {page}"
        case TimeSpan(start_s=start, end_s=end):
            return f"{_clock(start)} to {_clock(end)}"
        case CharSpan(start=first, end=last):
            return f"characters {first} to {last}"
        case Box() if locator.whole:
            return "whole picture"
        case Box(x0=x0, y0=y0, x1=x1, y1=y1):
            return f"box {x0 * 100:.0f},{y0 * 100:.0f} to {x1 * 100:.0f},{y1 * 100:.0f} %"
