"""The whitening that a small collection begins with: one a modality, of many pictures and captions."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ModelError
from foveate.retrievers.geometry.tensors import read_tensors, write_tensors
from foveate.retrievers.geometry.whitening import Whitening

__all__ = ["PRIOR", "load_prior", "save_prior"]

PRIOR = Path(__file__).with_name("weights") / "mini_whitening.safetensors"
"""That of the encoder ``mini``; its card stands beside it."""
KIND = "whitening"
# Variances of unit vectors in many dimensions are smaller than float16 holds well.
_SCALE = 1e4


def save_prior(fitted: Mapping[str, Whitening], encoder: str, path: Path = PRIOR) -> None:
    """Write whitenings by modality, for an encoder's fingerprint."""
    tensors: dict[str, NDArray[np.float64]] = {}
    for name, one in fitted.items():
        tensors |= {
            f"{name}.mean": one.mean,
            f"{name}.directions": one.directions,
            f"{name}.variances": one.variances * _SCALE,
        }
    facts = {name: {"rest": one.rest, "count": one.count} for name, one in fitted.items()}
    write_tensors(path, tensors, {"kind": KIND, "encoder": encoder, "modalities": facts})


def load_prior(encoder: str, path: Path = PRIOR) -> dict[str, Whitening]:
    """Whitenings by modality.

    Args:
        encoder: fingerprint of the encoder at hand.
        path: the file.

    Raises:
        CallerError: there is no such file.
        ModelError: it is damaged or of another kind.
        EncoderMismatch: fitted to vectors of another encoder.
    """
    tensors, facts = read_tensors(path, kind=KIND, encoder=encoder)
    try:
        return {
            name: Whitening(
                mean=tensors[f"{name}.mean"],
                directions=_orthonormal(tensors[f"{name}.directions"]),
                variances=tensors[f"{name}.variances"] / _SCALE,
                rest=float(known["rest"]),
                count=int(known["count"]),
            )
            for name, known in facts["modalities"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{str(path)!r} holds no whitening: {error}") from error


def _orthonormal(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows made exactly orthonormal again after float16; signs stay."""
    square, upper = np.linalg.qr(rows.T)
    straight: NDArray[np.float64] = (square * np.sign(np.diag(upper))).T
    return straight
