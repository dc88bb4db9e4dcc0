"""Names of the colours of a picture, for those who cannot see it.

Thirteen basic terms (the eleven of Berlin and Kay, 1969, with beige and cyan); a pixel takes the term whose prototype
is nearest in CIELAB (CIE 15, D65).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.retrievers.encoders.flattening import flattened

__all__ = ["colour_names"]

_PROTOTYPES = {
    "black": (20, 20, 20),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "red": (200, 30, 35),
    "orange": (245, 140, 30),
    "yellow": (245, 220, 60),
    "green": (50, 140, 60),
    "blue": (40, 90, 190),
    "purple": (120, 50, 140),
    "pink": (240, 150, 180),
    "brown": (115, 75, 40),
    "beige": (225, 200, 160),
    "cyan": (90, 195, 215),
}
_SIDE = 32
_NEAR = 16
"""Steps of 255 within which a pixel counts as background."""
_RING = 0.6
"""Share of the edge that must be of one colour to be a background."""
_LEAST = 0.12
"""Share of the pixels that a colour must have to be named."""


def colour_names(images: Sequence[Image.Image], most: int = 3) -> list[list[str]]:
    """Up to ``most`` colours of each picture, the largest first; a plain background is not counted."""
    return [_names(np.asarray(flattened(image).resize((_SIDE, _SIDE))), most) for image in images]


def _names(pixels: NDArray[np.uint8], most: int) -> list[str]:
    flat = pixels.reshape(-1, 3).astype(np.float64)
    ring = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]).astype(np.float64)
    middle = np.median(ring, axis=0)
    if (np.abs(ring - middle).max(axis=1) < _NEAR).mean() >= _RING:
        flat = flat[np.abs(flat - middle).max(axis=1) >= _NEAR]
    if not len(flat):
        return []
    nearest = ((_lab(flat)[:, None] - _TERMS[None]) ** 2).sum(axis=-1).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(_TERMS)) / len(flat)
    names = list(_PROTOTYPES)
    return [names[i] for i in np.argsort(-shares, kind="stable")[:most] if shares[i] >= _LEAST]


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) sRGB in 0 to 255 -> (n, 3) CIELAB."""
    unit = rgb / 255
    linear = np.where(unit > 0.04045, ((unit + 0.055) / 1.055) ** 2.4, unit / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    scaled = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    curved = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    x, y, z = curved[:, 0], curved[:, 1], curved[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


_TERMS = _lab(np.array(list(_PROTOTYPES.values()), dtype=np.float64))
