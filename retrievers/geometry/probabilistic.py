"""How uncertain a vector's match is: a distribution in place of a point.

Upadhyay, Karthik, Mancini and Akata, "ProbVLM: Probabilistic Adapter for Frozen Vision-Language Models" (ICCV 2023): a
small network over a frozen encoder gives each vector a generalised Gaussian a dimension, with mean m, scale a and shape
b; its variance a^2 gamma(3/b) / gamma(1/b) is the aleatoric uncertainty. Trained by
:mod:`foveate.retrievers.training.probvlm`; NumPy alone is needed here.

Legend: n vectors, d dimensions of the encoder, k of the space that pictures and texts are compared in, h hidden units.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.retrievers.geometry.tensors import read_tensors, write_tensors

__all__ = ["ADAPTER", "MatchUncertainty", "Modality", "generalised_variance", "log_gamma"]

ADAPTER = Path(__file__).with_name("weights") / "mini_match.safetensors"
"""The adapter of the encoder ``mini``; its card stands beside it."""

Array = NDArray[np.float64]
Modality = Literal["text", "image"]
_PARTS = ("mean", "projection", "hidden", "hidden_bias", "out", "out_bias")
KIND = "match uncertainty"
SCALE_MIN, SHAPE_MIN, SHAPE_MAX = 1e-3, 0.5, 4.0
_LANCZOS = (
    0.99999999999980993,
    676.5203681218851,
    -1259.1392167224028,
    771.32342877765313,
    -176.61502916214059,
    12.507343278686905,
    -0.13857109526572012,
    9.9843695780195716e-6,
    1.5056327351493116e-7,
)


def log_gamma(values: Array) -> Array:
    """Logarithm of the gamma function for values above 0, to 1e-12 relative (Lanczos 1964, g = 7)."""
    # NumPy has none, and SciPy is no part of the embedded profile.
    shifted = np.asarray(values, dtype=np.float64) - 1.0
    series = _LANCZOS[0] + sum(c / (shifted + i) for i, c in enumerate(_LANCZOS[1:], start=1))
    base = shifted + 7.5
    found: Array = 0.5 * math.log(2.0 * math.pi) + (shifted + 0.5) * np.log(base) - base + np.log(series)
    return found


def generalised_variance(scale: Array, shape: Array) -> Array:
    """Variance of a generalised Gaussian: scale^2 gamma(3 / shape) / gamma(1 / shape)."""
    variance: Array = scale**2 * np.exp(log_gamma(3.0 / shape) - log_gamma(1.0 / shape))
    return variance


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchUncertainty:
    """The adapter: a network a modality."""

    tensors: Mapping[str, Array]
    """``text.*`` and ``image.*``: mean (d), projection (d, k), hidden (k, h), hidden_bias (h), out (h, 3k),
    out_bias (3k)."""
    encoder: str
    """Fingerprint of the encoder whose vectors it reads."""

    def __post_init__(self) -> None:
        """Hold the shapes against each other.

        Raises:
            CallerError: an array is missing or has another shape.
        """
        for side in ("text", "image"):
            missing = [part for part in _PARTS if f"{side}.{part}" not in self.tensors]
            if missing:
                raise CallerError(f"the adapter lacks {missing!r} of {side!r}")
            d, k = self.tensors[f"{side}.projection"].shape
            h = self.tensors[f"{side}.hidden"].shape[-1]
            wanted = dict(zip(_PARTS, ((d,), (d, k), (k, h), (h,), (h, 3 * k), (3 * k,)), strict=True))
            for part, shape in wanted.items():
                if self.tensors[f"{side}.{part}"].shape != shape:
                    found = self.tensors[f"{side}.{part}"].shape
                    raise CallerError(f"the adapter's {side}.{part} has shape {found!r}; needed is {shape!r}")

    @classmethod
    def load(cls, encoder: str, path: Path = ADAPTER) -> "MatchUncertainty":
        """Read an adapter.

        Args:
            encoder: fingerprint of the encoder at hand.
            path: its file.

        Raises:
            CallerError: no such file, or arrays that do not fit each other.
            ModelError: damaged, or another kind of file.
            EncoderMismatch: trained on vectors of another encoder.
        """
        tensors, _ = read_tensors(path, kind=KIND, encoder=encoder)
        return cls(tensors=tensors, encoder=encoder)

    def save(self, path: Path) -> None:
        """Write it as float16 safetensors."""
        write_tensors(path, self.tensors, {"kind": KIND, "encoder": self.encoder})

    def distribution(self, rows: NDArray[np.floating], modality: Modality) -> tuple[Array, Array, Array]:
        """(n, d) vectors -> mean, scale and shape, each (n, k), of where a match lies.

        Raises:
            CallerError: unknown modality, or vectors of other dimensions.
        """
        if modality not in ("text", "image"):
            raise CallerError(f"no modality {modality!r}; there are 'text' and 'image'")
        mean, projection, hidden, hidden_bias, out, out_bias = (self.tensors[f"{modality}.{part}"] for part in _PARTS)
        if rows.ndim != 2 or rows.shape[1] != len(mean):
            raise CallerError(f"vectors of shape {rows.shape!r}; needed is (n, {len(mean)})")
        inner = (rows - mean) @ projection  # (n, k)
        raised = np.maximum(inner @ hidden + hidden_bias, 0.0)  # (n, h)
        shift, scale, shape = np.split(raised @ out + out_bias, 3, axis=1)
        return inner + shift, _softplus(scale) + SCALE_MIN, SHAPE_MIN + (SHAPE_MAX - SHAPE_MIN) * _sigmoid(shape)

    def uncertainty(self, rows: NDArray[np.floating], modality: Modality) -> Array:
        """(n, d) vectors -> (n) variance of the match over the squared length of its mean: noise to signal, above 0.

        ProbVLM averages the variance alone. Search compares directions, and the same spread turns a short mean further:
        on the concepts that chose the epoch, recall at 1 of a caption's own picture falls over ten bins with Spearman's
        -rho 0.98 so, and 0.36 by the variance alone.

        Raises:
            CallerError: unknown modality, or vectors of other dimensions.
        """
        mean, scale, shape = self.distribution(rows, modality)
        length = np.maximum((mean**2).sum(axis=1), 1e-12)
        uncertain: Array = generalised_variance(scale, shape).sum(axis=1) / length
        return uncertain


def _softplus(values: Array) -> Array:
    found: Array = np.logaddexp(0.0, values)
    return found


def _sigmoid(values: Array) -> Array:
    found: Array = 0.5 * (1.0 + np.tanh(0.5 * values))
    return found
