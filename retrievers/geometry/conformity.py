"""How common a vector is among its kind: its cosine to the mean.

Levi and Gilboa, "The Double-Ellipsoid Geometry of CLIP" (ICML 2025): pictures and texts lie on two thin ellipsoids that
do not hold the origin, each around its own mean; a common item lies near the mean, an unusual one far from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["Conformity"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conformity:
    """The mean of one modality's vectors."""

    mean: NDArray[np.float64]
    """(d), of length 1."""
    count: int
    """Vectors that it was taken over."""

    @classmethod
    def fit(cls, batches: Iterable[NDArray[np.floating]]) -> "Conformity":
        """One pass over batches (n, d) of vectors.

        Raises:
            CallerError: there is no vector, one is not finite, or they cancel out.
        """
        total: NDArray[np.float64] | None = None
        count = 0
        for rows in batches:
            part = rows.sum(axis=0, dtype=np.float64)
            total, count = part if total is None else total + part, count + len(rows)
        if total is None or not count:
            raise CallerError("a mean of no vectors was asked for; index something first")
        length = float(np.linalg.norm(total))
        if not np.isfinite(length) or length / count < 1e-9:
            raise CallerError(f"the mean of {count} vectors has length {length / count!r}; it needs a direction")
        return cls(mean=total / length, count=count)

    def conformity(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, d) vectors -> (n) cosines to the mean, -1 to 1; NaN for a vector of length 0.

        Raises:
            CallerError: the vectors have another number of dimensions.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise CallerError(f"vectors of shape {rows.shape!r}; needed is (n, {len(self.mean)})")
        length = np.linalg.norm(rows.astype(np.float64), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines: NDArray[np.float64] = rows @ self.mean / length
        return np.where(length > 0, cosines.clip(-1.0, 1.0), np.nan)
