"""Scenes of several objects on white, one of them large: what the multi-object probe shows an encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from foveate.errors import CallerError

__all__ = ["Scene", "cutout", "listed", "make_scenes", "paint"]

_CELL_PX = 224
_LARGE, _SMALL = 0.9, 0.3
"""Longest side of the large object and of the others, in quarters' sides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """Which objects are in a scene, and where."""

    objects: tuple[int, ...]
    """Indices of the objects, the large one first."""
    places: tuple[int, ...]
    """Quarter of the picture of each object: 0 top left, 1 top right, 2 bottom left, 3 bottom right."""
    absent: int
    """Index of an object that is not there, for captions that are wrong."""


def make_scenes(objects: int, count: int, *, sizes: Sequence[int] = (2, 3, 4), seed: int = 0) -> tuple[Scene, ...]:
    """Draw scenes; equal arguments give equal scenes.

    Args:
        objects: how many there are to choose from.
        count: scenes.
        sizes: objects a scene, in turn; each from 2 to 4.
        seed: of the choice of objects and places.

    Raises:
        CallerError: a size outside 2 to 4, or not one object more than the largest scene holds.
    """
    for size in sizes:
        if not 2 <= size <= 4:
            raise CallerError(f"{size!r} objects a scene; 2, 3 or 4 are possible")
    if objects <= max(sizes):
        raise CallerError(f"{objects} objects; scenes of {max(sizes)} need at least {max(sizes) + 1}")
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        size = sizes[number % len(sizes)]
        drawn = rng.choice(objects, size + 1, replace=False)
        places = rng.choice(4, size, replace=False)
        found.append(
            Scene(objects=tuple(map(int, drawn[:size])), places=tuple(map(int, places)), absent=int(drawn[size]))
        )
    return tuple(found)


def paint(scene: Scene, cutouts: Sequence[Image.Image], *, side_px: int = 2 * _CELL_PX) -> Image.Image:
    """The picture of a scene, RGB: each object in the middle of its quarter, the large one three times as long."""
    canvas = Image.new("RGB", (side_px, side_px), (255, 255, 255))
    half = side_px // 2
    for rank, (which, place) in enumerate(zip(scene.objects, scene.places, strict=True)):
        longest = half * (_LARGE if rank == 0 else _SMALL)
        image = _sized(cutouts[which], longest)
        x0, y0 = (place % 2) * half, (place // 2) * half
        at = (x0 + (half - image.width) // 2, y0 + (half - image.height) // 2)
        canvas.paste(image, at, image)
    return canvas


def cutout(image: Image.Image) -> Image.Image:
    """An object's picture cut to what is not clear, RGBA. One without transparency stays whole."""
    clear = image.convert("RGBA")
    box = clear.getchannel("A").point(lambda level: 255 if level >= 16 else 0).getbbox()
    return clear.crop(box) if box else clear


def listed(names: Sequence[str]) -> str:
    """``a cup, an apple and a harp``."""
    parts = [name if name.split()[0] in ("a", "an", "the") else f"{_article(name)} {name}" for name in names]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _article(name: str) -> str:
    return "an" if name[0].lower() in "aeiou" else "a"


def _sized(image: Image.Image, longest: float) -> Image.Image:
    scale = longest / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)
