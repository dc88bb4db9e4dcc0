"""An overlapping grid of tiles over a large picture, so that small things in it stay visible to an encoder."""

import math

from foveate.errors import CallerError
from foveate.locators import Box

__all__ = ["tile_boxes", "tile_pixels"]

_MOST = 4
"""Tiles along the longer side at most: a 4:3 picture then costs 12 encoder calls beside the whole one."""


def tile_boxes(width: int, height: int, *, over: int, overlap: float) -> list[Box]:
    """Boxes of the tiles, row by row; none for a picture whose longer side is at most ``over`` pixels.

    Borders lie on whole pixels, so ``round(box.x0 * width)`` gives them back exactly.

    Args:
        width: of the upright picture in pixels.
        height: of the upright picture in pixels.
        over: longest side in pixels that needs no tiles.
        overlap: share of a tile that the next one repeats, in [0, 0.9].
    """
    return [
        Box(x0=x0 / width, y0=y0 / height, x1=x1 / width, y1=y1 / height)
        for x0, y0, x1, y1 in tile_pixels(width, height, over=over, overlap=overlap)
    ]


def tile_pixels(width: int, height: int, *, over: int, overlap: float) -> list[tuple[int, int, int, int]]:
    """The same grid in pixels, (x0, y0, x1, y1).

    Raises:
        CallerError: ``over`` under 1 or ``overlap`` outside [0, 0.9].
    """
    if over < 1 or not 0.0 <= overlap <= 0.9:
        raise CallerError(f"tile size {over!r} must be 1 or more and overlap {overlap!r} within 0 to 0.9")
    longest, shortest = max(width, height), min(width, height)
    if longest <= over:
        return []
    along = min(_MOST, max(2, math.ceil(longest / over)))
    across = max(1, round(along * shortest / longest))
    columns, rows = (along, across) if width >= height else (across, along)
    return [(x0, y0, x1, y1) for y0, y1 in _spans(height, rows, overlap) for x0, x1 in _spans(width, columns, overlap)]


def _spans(length: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """``count`` equal spans that cover ``length`` pixels, each repeating ``overlap`` of the one before."""
    count = min(count, length)
    size = math.ceil(length / (count - (count - 1) * overlap))
    if count == 1 or size >= length:
        return [(0, length)]
    return [
        (round(i * (length - size) / (count - 1)), round(i * (length - size) / (count - 1)) + size)
        for i in range(count)
    ]
