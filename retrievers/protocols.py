"""What an encoder is to search and ingest."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

__all__ = ["Encoder"]


class Encoder(Protocol):
    """Text and pictures in one vector space."""

    name: str
    """What people write in settings: ``mini``."""
    fingerprint: str
    """Hash of weights and preprocessing; equal fingerprints give equal vectors."""
    dim: int
    picture_mean: NDArray[np.float32] | None
    """(dim) mean of many pictures' vectors, which :class:`foveate.retrievers.calibration.Background` takes away; None
    when nobody took it."""

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n) texts -> (n, dim) unit float32 rows, in order."""

    def encode_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """(n) pictures of any mode -> (n, dim) unit float32 rows, in order."""

    def tag_images(self, images: Sequence[Image], k: int = 5) -> list[list[tuple[str, float]]]:
        """Up to ``k`` words with probabilities for each picture, best first: pictures for those who cannot see."""
