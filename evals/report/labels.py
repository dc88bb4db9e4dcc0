"""Labels beside points such that none lies on another or on a point."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Label", "place"]

_Box = tuple[float, float, float, float]
# Offsets in points, nearest first: right, left, above, below, the corners, then farther out.
_CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_OFFSETS = (
    *((9, 0), (-9, 0), (0, 11), (0, -11)),
    *((9 * step * x, 9 * step * y) for step in (1, 2, 3, 4) for x, y in _CORNERS),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """Words that belong to a point."""

    x: float
    y: float
    text: str
    low: float = float("nan")
    """Ends of the upright line through the point, which words keep off too; NaN where there is none."""
    high: float = float("nan")


def place(axes: Any, labels: Sequence[Label]) -> None:
    """Write each label at the first free place around its point; of none free, where it covers least.

    Args:
        axes: matplotlib axes whose limits are set.
        labels: what to write, in order of precedence.
    """
    axes.figure.draw_without_rendering()  # the layout decides where a point lies
    scale = axes.figure.dpi / 72
    taken = [box for label in labels for box in _own(axes, label, scale)]
    frame = axes.get_window_extent()
    for label in labels:
        words = axes.annotate(
            label.text, (label.x, label.y), xytext=(0, 0), textcoords="offset points", fontsize=8, zorder=5
        )
        taken.append(_settle(words, axes.transData.transform((label.x, label.y)), taken, frame, scale))


def _own(axes: Any, label: Label, scale: float) -> list[_Box]:
    """The point itself and the line through it."""
    x, y = axes.transData.transform((label.x, label.y))
    boxes = [(x - 4 * scale, y - 4 * scale, x + 4 * scale, y + 4 * scale)]
    if label.low < label.high:
        ends = axes.transData.transform([(label.x, label.low), (label.x, label.high)])
        boxes.append((x - scale, float(ends[0][1]), x + scale, float(ends[1][1])))
    return boxes


def _settle(words: Any, at: Any, taken: Sequence[_Box], frame: Any, scale: float) -> _Box:
    extent = words.get_window_extent()
    wide, high = extent.width, extent.height
    best = min(_OFFSETS, key=lambda offset: _cost(_box(at, offset, wide, high, scale), taken, frame))
    words.set_position(best)
    words.set_ha("left" if best[0] > 0 else "right" if best[0] < 0 else "center")
    words.set_va("center")
    return _box(at, best, wide, high, scale)


def _box(at: Any, offset: tuple[int, int], wide: float, high: float, scale: float) -> _Box:
    x, y = at[0] + offset[0] * scale, at[1] + offset[1] * scale
    left = x if offset[0] > 0 else x - wide if offset[0] < 0 else x - wide / 2
    return left, y - high / 2, left + wide, y + high / 2


def _cost(box: _Box, taken: Sequence[_Box], frame: Any) -> float:
    """Area that lies on something or outside the axes."""
    inside = _shared(box, (frame.x0, frame.y0, frame.x1, frame.y1))
    outside = (box[2] - box[0]) * (box[3] - box[1]) - inside
    return round(4 * outside + sum(_shared(box, other) for other in taken), 3)


def _shared(a: _Box, b: _Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)
