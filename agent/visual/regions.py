"""Parts of a picture that are looked at alone: what stands out, the quarters and the centre."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from foveate.locators import Box
from foveate.retrievers.encoders.flattening import flattened

__all__ = ["crops", "salient", "steady"]

_LEAST_PX = 32
"""A picture with a shorter side has no parts worth a look."""
_GRID = 48
_STANDS_OUT = 40.0
"""Largest difference of a channel, of 255, from the border's colour at which a cell stands out."""
_QUARTERS = ((0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 1.0, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.5, 1.0, 1.0))
_CENTRE = (0.25, 0.25, 0.75, 0.75)
_WHOLE_AREA = 0.8
"""A box of more than this share of the picture is the picture again."""
_SPECK = 0.01
_BOXES = 3


def steady(picture: Image) -> Image:
    """One still RGB picture: the first frame of an animation, alpha on white."""
    picture.seek(0)
    return flattened(picture)


def crops(picture: Image) -> list[tuple[Box, Image]]:
    """What stands out from the border's colour, largest first, then quarters and centre; nothing of a tiny picture.

    Args:
        picture: RGB.
    """
    if min(picture.size) < _LEAST_PX:
        return []
    boxes = [*salient(picture), *(Box(x0=a, y0=b, x1=c, y1=d) for a, b, c, d in (*_QUARTERS, _CENTRE))]
    return [(box, _cut(picture, box)) for box in dict.fromkeys(boxes)]


def salient(picture: Image) -> list[Box]:
    """Boxes around connected regions unlike the border, largest first: what lies on a plain ground.

    Args:
        picture: RGB.
    """
    small = np.asarray(picture.resize((_GRID, _GRID), Resampling.BOX), dtype=np.float32)  # (g, g, 3)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])  # (4g, 3)
    apart = np.abs(small - np.median(border, axis=0)).max(axis=-1) > _STANDS_OUT  # (g, g)
    found = [box for box in _components(apart) if _SPECK < _area(box) < _WHOLE_AREA]
    return sorted(found, key=lambda box: (-_area(box), box.x0, box.y0))[:_BOXES]


def _components(cells: NDArray[np.bool_]) -> Iterator[Box]:
    """Bounding boxes of 4-connected cells."""
    left = {(int(y), int(x)) for y, x in np.argwhere(cells)}
    while left:
        edge = [left.pop()]
        seen = [*edge]
        while edge:
            y, x = edge.pop()
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            edge += near
            seen += near
        ys, xs = zip(*seen, strict=True)
        yield Box(x0=min(xs) / _GRID, y0=min(ys) / _GRID, x1=(max(xs) + 1) / _GRID, y1=(max(ys) + 1) / _GRID)


def _area(box: Box) -> float:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def _cut(picture: Image, box: Box) -> Image:
    width, height = picture.size
    left, top = int(box.x0 * width), int(box.y0 * height)
    return picture.crop((left, top, max(round(box.x1 * width), left + 1), max(round(box.y1 * height), top + 1)))
