"""Vectors of questions and candidates for rerankers that read those instead of texts."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ModelError

__all__ = ["EncodesText", "encoded"]


class EncodesText(Protocol):
    """What such a reranker needs of an encoder; every :class:`foveate.retrievers.protocols.Encoder` has it."""

    fingerprint: str
    """Equal fingerprints give equal vectors."""
    dim: int

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n) texts -> (n, dim) unit rows, in order."""


def encoded(encoder: EncodesText, texts: Sequence[str]) -> NDArray[np.float32]:
    """(n) texts -> (n, dim) finite float32 rows; equal texts are encoded once.

    Raises:
        ModelError: the encoder gave another shape, or numbers that are none; names the text.
    """
    unique = list(dict.fromkeys(texts))
    if not unique:
        return np.zeros((0, encoder.dim), np.float32)
    rows = np.asarray(encoder.encode_text(unique), np.float32)
    if rows.shape != (len(unique), encoder.dim):
        raise ModelError(f"the encoder made {rows.shape} numbers of {len(unique)} texts; it says {encoder.dim} each")
    if not np.isfinite(rows).all():
        bad = unique[int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])]
        raise ModelError(f"the encoder made numbers that are not finite of {bad!r:.80}")
    places = {text: at for at, text in enumerate(unique)}
    return rows[[places[text] for text in texts]]
