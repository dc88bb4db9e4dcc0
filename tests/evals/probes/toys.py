"""Encoders whose answers are known: what a probe says of them can be right or wrong."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0), "cyan": (0, 255, 255)}
NAMES = tuple(COLOURS)


class Palette:
    """Knows five colours: a picture is how much of each it shows, a text is which it names, the first counting most."""

    name = "palette"
    fingerprint = "palette-1"
    dim = len(NAMES) + 1
    picture_mean: NDArray[np.float32] | None = None

    def __init__(self, *, decay: float = 1.0, power: float = 1.0) -> None:
        """``decay`` below 1 makes later words count less; ``power`` above 1 makes large areas count more."""
        self.decay, self.power = decay, power

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim))
        for at, text in enumerate(texts):
            weight = 1.0
            for word in text.replace(",", " ").replace(".", " ").lower().split():
                if word in NAMES:
                    rows[at, NAMES.index(word)] += weight
                    weight *= self.decay
        return _unit(rows)

    def encode_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        rows = np.zeros((len(images), self.dim))
        for at, image in enumerate(images):
            pixels = np.asarray(image.convert("RGB"), dtype=float).reshape(-1, 3)
            for which, colour in enumerate(COLOURS.values()):
                near = np.abs(pixels - np.array(colour)).max(axis=1) < 60
                rows[at, which] = float(near.mean()) ** self.power
        return _unit(rows)

    def tag_images(self, images: Sequence[Image.Image], k: int = 5) -> list[list[tuple[str, float]]]:
        rows = self.encode_images(images)
        return [[(NAMES[i], float(row[i])) for i in np.argsort(-row[:-1])[:k]] for row in rows]


def block(colour: str, size: tuple[int, int] = (40, 40)) -> Image.Image:
    return Image.new("RGBA", size, (*COLOURS[colour], 255))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    rows[~rows.any(axis=1), -1] = 1.0  # nothing known: its own direction
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
