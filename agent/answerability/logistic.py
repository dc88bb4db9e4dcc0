"""Multinomial logistic regression as plain arrays; an unknown signal takes its mean, and has a weight of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.rerankers.fitted import number

__all__ = ["Logistic", "read_logistic", "standardised"]

Array = NDArray[np.float64]

_FARTHEST = 5.0
"""Standard deviations: a signal far outside what was fitted on must not decide alone."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Logistic:
    """K outcomes, F signals."""

    mean: Array
    """(F)"""
    scale: Array
    """(F) standard deviations, above 0."""
    weights: Array
    """(F, K) of standardised signals."""
    unknown: Array
    """(F, K) of a signal that is unknown."""
    bias: Array
    """(K) scores where every signal is at its mean."""

    def scores(self, x: Array) -> Array:
        """(n, F) signals, NaN unknown, to (n, K) scores."""
        values, flags = standardised(x, self.mean, self.scale)
        found: Array = values @ self.weights + flags @ self.unknown + self.bias
        return found

    def contributions(self, x: Array) -> Array:
        """(F) signals of one question to (F, K): what each added to each score, with ``bias`` the whole of it."""
        values, flags = standardised(x[None, :], self.mean, self.scale)
        found: Array = values[0][:, None] * self.weights + flags[0][:, None] * self.unknown
        return found

    def to_dict(self) -> dict[str, Any]:
        """As a file holds it."""
        return {"kind": "logistic"} | {name: getattr(self, name).tolist() for name in _FIELDS}


_FIELDS = ("mean", "scale", "weights", "unknown", "bias")


def standardised(x: Array, mean: Array, scale: Array) -> tuple[Array, Array]:
    """(n, F) in standard deviations, 0 where unknown, and (n, F) 1 where unknown."""
    flags = np.isnan(x)
    values = np.where(flags, 0.0, np.clip((x - mean) / scale, -_FARTHEST, _FARTHEST))
    return values, flags.astype(float)


def read_logistic(body: Mapping[str, Any], *, features: int, outcomes: int) -> Logistic:
    """The regression of a file.

    Raises:
        ValueError: names the field.
    """
    if set(body) != {"kind", *_FIELDS}:
        raise ValueError(f"the fields of logistic must be kind, {', '.join(_FIELDS)}")
    wide = {"weights", "unknown"}
    read = {name: _table(body[name], name, features, outcomes) for name in wide}
    sizes = {"mean": features, "scale": features, "bias": outcomes}
    read |= {name: np.array(_row(body[name], name, size), float) for name, size in sizes.items()}
    if (read["scale"] <= 0.0).any():
        raise ValueError("scale must be above 0")
    return Logistic(**read)


def _table(value: Any, name: str, rows: int, columns: int) -> Array:
    if not isinstance(value, list) or len(value) != rows:
        raise ValueError(f"{name} must be a list of {rows}")
    return np.array([_row(one, name, columns) for one in value], float).reshape(rows, columns)


def _row(value: Any, name: str, length: int) -> list[float]:
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"{name} must hold lists of {length}")
    return [number(one, name) for one in value]
