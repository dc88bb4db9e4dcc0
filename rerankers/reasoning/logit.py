"""Conditional logit: which of a few alternatives, by features of each and one weight a feature (McFadden, 1974)."""

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["fit_logit", "softmax"]

_STEPS = 100
_TOLERANCE = 1e-10
Floats = NDArray[np.float64]


def softmax(scores: Floats) -> Floats:
    """(n, k) scores -> (n, k) probabilities; rows sum to 1."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return found


def fit_logit(features: Floats, chosen: NDArray[np.int64], prior: Floats, strength: float) -> Floats:
    """Weights that make the chosen alternatives likely, held near ``prior`` by a ridge.

    Minimises the summed negative log-likelihood plus ``strength / 2`` times the squared distance from ``prior``, by
    Newton's method with step halving; convex, hence the one minimum.

    Args:
        features: (n, k, d) of each alternative.
        chosen: (n) positions of the right ones, 0 to k - 1.
        prior: (d) weights before anything is seen.
        strength: above 0, so that separable data have a finite answer.

    Raises:
        CallerError: shapes that do not fit, values that are not finite, or no strength.
    """
    n, k, d = features.shape
    fits = chosen.shape == (n,) and prior.shape == (d,) and bool(np.isin(chosen, np.arange(k)).all())
    if not fits or not np.isfinite(features).all() or strength <= 0.0:
        raise CallerError(f"logit: features {features.shape}, chosen {chosen.shape}, prior {prior.shape}, {strength!r}")
    weights = prior.astype(np.float64).copy()
    loss = _loss(features, chosen, weights, prior, strength)
    for _ in range(_STEPS):
        shares = softmax(features @ weights)  # (n, k)
        gap = shares.copy()
        gap[np.arange(n), chosen] -= 1.0
        slope = np.einsum("nk,nkd->d", gap, features) + strength * (weights - prior)
        means = np.einsum("nk,nkd->nd", shares, features)
        curve = np.einsum("nk,nkd,nke->de", shares, features, features) - means.T @ means + strength * np.eye(d)
        step = np.linalg.solve(curve, slope)
        weights, loss, moved = _halved(features, chosen, weights, step, loss, prior, strength)
        if moved <= _TOLERANCE:
            break
    return weights


def _halved(
    features: Floats,
    chosen: NDArray[np.int64],
    weights: Floats,
    step: Floats,
    loss: float,
    prior: Floats,
    strength: float,
) -> tuple[Floats, float, float]:
    """The longest of the step, its half, its quarter ... that does not raise the loss."""
    for halving in range(40):
        tried = weights - step / 2.0**halving
        found = _loss(features, chosen, tried, prior, strength)
        if found <= loss:
            return tried, found, float(np.abs(tried - weights).max(initial=0.0))
    return weights, loss, 0.0


def _loss(features: Floats, chosen: NDArray[np.int64], weights: Floats, prior: Floats, strength: float) -> float:
    scores = features @ weights
    top = scores.max(axis=1)
    norm = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
    right = scores[np.arange(len(scores)), chosen]
    return float((norm - right).sum() + strength / 2.0 * ((weights - prior) ** 2).sum())
