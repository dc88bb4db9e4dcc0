"""An encoder without weights: words are hashed, pictures are their colours. For tests and for ``doctor``.

It is honest about what it is (a text matches where it shares words, a picture where a colour is named) and it
is exact and fast, so that ingest, stores and the agent can be tested without a model.
"""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

__all__ = ["HashedEncoder"]

_DIM = 64
_COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 30, 30),
    "green": (40, 160, 60),
    "blue": (40, 70, 210),
    "yellow": (240, 220, 40),
    "orange": (245, 140, 20),
    "brown": (120, 75, 40),
    "purple": (130, 50, 160),
    "pink": (245, 160, 190),
}
_PALETTE = np.array(list(_COLOURS.values()), dtype=np.float32)  # (c, 3)
_NAMES = list(_COLOURS)


class HashedEncoder:
    """Feature hashing (Weinberger et al., ICML 2009) over words; colour histograms over pictures."""

    name = "hashed"
    fingerprint = "hashed-1"
    dim = _DIM
    picture_mean: NDArray[np.float32] | None = None

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n) texts -> (n, 64) unit rows."""
        return _rows([_words(text) for text in texts])

    def encode_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """(n) pictures -> (n, 64) unit rows: their colours' words, weighted by area."""
        return _rows([_colours(image) for image in images])

    def tag_images(self, images: Sequence[Image], k: int = 5) -> list[list[tuple[str, float]]]:
        """Colour names with their share of the picture."""
        return [sorted(_colours(image).items(), key=lambda item: (-item[1], item[0]))[:k] for image in images]


def _words(text: str) -> dict[str, float]:
    counts: dict[str, float] = {}
    for word in re.findall(r"\w+", text.lower()):
        counts[word] = counts.get(word, 0.0) + 1.0
    return counts


def _colours(image: Image) -> dict[str, float]:
    small = image.convert("RGB").resize((8, 8), Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32).reshape(-1, 3)  # (64, 3)
    nearest = ((pixels[:, None] - _PALETTE[None]) ** 2).sum(-1).argmin(1)  # (64)
    shares = np.bincount(nearest, minlength=len(_NAMES)) / len(pixels)
    return {name: float(share) for name, share in zip(_NAMES, shares, strict=True) if share > 0}


def _direction(word: str) -> NDArray[np.float32]:
    # SHA-256 and not hash(): Python salts hash() anew in each process.
    raw = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
    return np.unpackbits(np.frombuffer(raw[: _DIM // 8], dtype=np.uint8)).astype(np.float32) * 2 - 1


def _rows(bags: Sequence[dict[str, float]]) -> NDArray[np.float32]:
    rows = np.zeros((len(bags), _DIM), dtype=np.float32)
    for row, bag in zip(rows, bags, strict=True):
        for word in sorted(bag):
            row += bag[word] * _direction(word)
        norm = float(np.linalg.norm(row))
        # A text without a word still needs a unit vector; this one is nobody's direction.
        row[:] = row / norm if norm > 0 else _direction("") / np.sqrt(_DIM)
    return rows
