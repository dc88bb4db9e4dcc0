"""How likely a vector is among a collection's.

Betser, Levi and Gilboa, "Whitened CLIP as a Likelihood Surrogate of Images and Captions" (ICML 2025): whitened, vectors
are near a standard normal, so the squared length of a whitened vector gives its likelihood. Here the whitening is
fitted to the collection itself. It has more dimensions than vectors, so the covariance is shrunk (Ledoit and Wolf, J.
Multivariate Analysis 2004), and directions beyond the kept ones share one variance (Tipping and Bishop, JRSS B 1999).

Legend: n vectors, d dimensions, k kept directions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["Whitening", "ledoit_wolf"]

Array = NDArray[np.float64]
_KEPT = 0.99
_LOG_2PI = float(np.log(2.0 * np.pi))
_TINY = 1e-12


def ledoit_wolf(gram: Array, dim: int) -> float:
    """Share of the shrunk covariance that is a multiple of the identity, 0 to 1.

    Args:
        gram: (n, n) inner products of centred vectors.
        dim: their dimensions.

    Closed form by inner products alone, so that d may be large.
    """
    count = len(gram)
    lengths = np.diag(gram)
    squared = float((gram**2).sum()) / count**2  # |S|^2
    mean = float(lengths.sum()) / count / dim
    spread = squared / dim - mean**2
    error = (float((lengths**2).sum()) / count - squared) / count / dim
    return float(np.clip(error / spread, 0.0, 1.0)) if spread > _TINY * mean**2 else 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Whitening:
    """A mean, directions and variances."""

    mean: Array
    """(d)."""
    directions: Array
    """(k, d), orthonormal."""
    variances: Array
    """(k), above 0."""
    rest: float
    """Variance along each of the d - k other directions; 0 where there is none, and then they count for nothing."""
    count: int
    """Vectors that it was fitted to, without a prior's."""

    @classmethod
    def fit(
        cls,
        rows: NDArray[np.floating],
        *,
        prior: "Whitening | None" = None,
        weight: float = 16.0,
        kept: float = _KEPT,
        shrinkage: float | None = None,
    ) -> "Whitening":
        """Fit to (n, d) vectors.

        Args:
            rows: the vectors.
            prior: of vectors like these; it counts as so many more vectors as ``weight`` says.
            weight: see there.
            kept: share of the variance that the kept directions hold, above 0 and at most 1.
            shrinkage: towards a multiple of the identity, 0 to 1; None asks `ledoit_wolf`.

        Raises:
            CallerError: fewer than two vectors and no prior, values that are not finite, dimensions that differ, all
                vectors equal, or ``kept``, ``weight`` or ``shrinkage`` out of range.
        """
        data = np.asarray(rows, dtype=np.float64)
        _check(data, prior, weight, kept, shrinkage)
        if not len(data):
            assert prior is not None
            return prior
        mean, stacked = _stacked(data, prior, weight)
        gram = stacked @ stacked.T  # (m, m); S = stacked.T @ stacked
        values, vectors = np.linalg.eigh(gram)
        values, vectors = values[::-1].clip(0.0), vectors[:, ::-1]
        trace = float(values.sum())
        if trace < _TINY:
            raise CallerError(f"all {len(data)} vectors are equal; a whitening needs vectors that differ")
        share = np.cumsum(values) / trace
        rank = int((values > _TINY * trace).sum())
        k = min(int(np.searchsorted(share, kept - _TINY)) + 1, rank)
        directions = (stacked.T @ vectors[:, :k] / np.sqrt(values[:k])).T
        shrunk = _shrinkage(data, prior, weight) if shrinkage is None else shrinkage
        dim = data.shape[1]
        variances = (1.0 - shrunk) * values[:k] + shrunk * trace / dim
        rest = max(trace - float(variances.sum()), 0.0) / (dim - k) if k < dim else 0.0
        return cls(mean=mean, directions=directions, variances=variances, rest=rest, count=len(data))

    def whiten(self, rows: NDArray[np.floating]) -> Array:
        """(n, d) vectors -> (n, k) coordinates along the kept directions, each of variance 1 for what it was fitted to.

        Raises:
            CallerError: the vectors have another number of dimensions.
        """
        whitened: Array = self._centred(rows) @ self.directions.T / np.sqrt(self.variances)
        return whitened

    def log_likelihood(self, rows: NDArray[np.floating]) -> Array:
        """(n, d) vectors -> (n) log-likelihood of the whitened vector under a standard normal, in nats a dimension.

        Raises:
            CallerError: the vectors have another number of dimensions.
        """
        centred = self._centred(rows)
        along = centred @ self.directions.T  # (n, k)
        squares = (along**2 / self.variances).sum(axis=1)
        dimensions = len(self.variances)
        if self.rest > _TINY * float(self.variances.mean()):
            beyond = (centred**2).sum(axis=1) - (along**2).sum(axis=1)
            squares = squares + beyond.clip(0.0) / self.rest
            dimensions = len(self.mean)
        likelihood: Array = -0.5 * (_LOG_2PI + squares / dimensions)
        return likelihood

    def leading(self, count: int) -> "Whitening":
        """The same with at most ``count`` directions; the variance of the others joins the rest."""
        k, dim = min(count, len(self.variances)), len(self.mean)
        if k < 1:
            raise CallerError(f"{count!r} directions were asked for; at least 1 is needed")
        others = float(self.variances[k:].sum()) + self.rest * (dim - len(self.variances))
        return Whitening(
            mean=self.mean,
            directions=self.directions[:k],
            variances=self.variances[:k],
            rest=others / (dim - k) if k < dim else 0.0,
            count=self.count,
        )

    def _centred(self, rows: NDArray[np.floating]) -> Array:
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise CallerError(f"vectors of shape {rows.shape!r}; needed is (n, {len(self.mean)})")
        centred: Array = np.asarray(rows, dtype=np.float64) - self.mean
        return centred


def _stacked(data: Array, prior: Whitening | None, weight: float) -> tuple[Array, Array]:
    """The mean, and rows whose inner product over rows is the covariance; a prior adds its own rows to them."""
    count = len(data)
    middle = data.mean(axis=0)
    if prior is None:
        return middle, (data - middle) / np.sqrt(count)
    total = count + weight
    mean = (count * middle + weight * prior.mean) / total
    spread = prior.directions * np.sqrt(weight / total * prior.variances)[:, None]
    between = np.stack([np.sqrt(count / total) * (middle - mean), np.sqrt(weight / total) * (prior.mean - mean)])
    return mean, np.concatenate([(data - middle) / np.sqrt(total), spread, between])


def _shrinkage(data: Array, prior: Whitening | None, weight: float) -> float:
    centred = data - data.mean(axis=0)
    alone = ledoit_wolf(centred @ centred.T, data.shape[1])
    # A prior comes of many vectors and needs none: only the collection's own share is shrunk.
    return alone if prior is None else alone * len(data) / (len(data) + weight)


def _check(data: Array, prior: Whitening | None, weight: float, kept: float, shrinkage: float | None) -> None:
    if data.ndim != 2 or (len(data) < 2 and prior is None):
        raise CallerError(f"vectors of shape {data.shape!r}; a whitening needs two or more, or a prior")
    if not np.isfinite(data).all():
        raise CallerError("a vector holds values that are not finite")
    if prior is not None and prior.mean.shape != data.shape[1:]:
        raise CallerError(f"vectors of {data.shape[1]} dimensions and a prior of {len(prior.mean)}")
    for name, value, good in (
        ("kept", kept, 0.0 < kept <= 1.0),
        ("weight", weight, weight > 0.0),
        ("shrinkage", shrinkage, shrinkage is None or 0.0 <= shrinkage <= 1.0),
    ):
        if not good:
            raise CallerError(f"{name} is {value!r}; it lies between 0 and 1, a weight above 0")
