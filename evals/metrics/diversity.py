"""How varied pictures are, and how much of it their prompts do not explain.

All figures are entropies of the eigenvalues of a covariance of unit embeddings (not centred: a kernel covariance with
the cosine kernel), and their exponentials, which count: n orthogonal pictures have a Vendi score of n, n equal ones 1.

- Vendi score (Friedman and Dieng, TMLR 2023): Shannon entropy. RKE (Jalali, Li and Farnia, NeurIPS 2023): Renyi's of
  order 2.
- Schur complement entropy (Ospanov, Jalali and Farnia, "Scendi", ICCV 2025): with the joint covariance of pictures i
  and texts t, C_ii - C_it C_tt^-1 C_ti is what is left of the pictures' once a linear map of the texts is taken away.

Shapes: n pairs, d dimensions of pictures, e of texts. With n at most e and texts that differ, the map explains
everything, whatever the pictures are: n must be well above e for the figures to mean anything.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "entropy",
    "prompt_map",
    "rke",
    "scendi",
    "schur_complement",
    "schur_entropy",
    "vendi",
    "without_prompt",
]

Matrix = NDArray[np.float64]
_NOTHING = 1e-9
"""Eigenvalues below this share of the pictures' whole are rounding."""


def entropy(eigenvalues: NDArray[np.float64]) -> float:
    """Shannon entropy, in nats, of non-negative values taken as shares of their sum; NaN where that is 0."""
    shares = eigenvalues[eigenvalues > 0]
    if not len(shares):
        return float("nan")
    shares = shares / shares.sum()
    return float(-(shares * np.log(shares)).sum()) + 0.0


def vendi(rows: NDArray[np.floating]) -> float:
    """(n, d) unit rows -> effective number, 1 to min(n, d)."""
    return float(np.exp(entropy(_spectrum(_covariance(rows, rows)))))


def rke(rows: NDArray[np.floating]) -> float:
    """(n, d) unit rows -> effective number by the order-2 entropy: 1 over the mean squared cosine, at most Vendi's."""
    covariance = _covariance(rows, rows)
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


def prompt_map(images: NDArray[np.floating], texts: NDArray[np.floating]) -> Matrix:
    """The linear map C_it C_tt^-1 that best predicts the pictures' rows from the texts'.

    Args:
        images: (n, d) unit rows.
        texts: (n, e) unit rows of their prompts.

    Returns:
        (d, e); directions in which the texts do not vary map to 0 (pseudo-inverse).
    """
    inverse = np.linalg.pinv(_covariance(texts, texts), rcond=_NOTHING, hermitian=True)  # (e, e)
    return np.asarray(_covariance(images, texts) @ inverse)


def schur_complement(images: NDArray[np.floating], texts: NDArray[np.floating]) -> Matrix:
    """(n, d) and (n, e) unit rows -> (d, d) covariance of the pictures that their prompts do not explain."""
    explained = prompt_map(images, texts) @ _covariance(texts, images)
    return np.asarray(_covariance(images, images) - explained)


def schur_entropy(images: NDArray[np.floating], texts: NDArray[np.floating]) -> float:
    """Entropy of the Schur complement's eigenvalues as shares of their sum: how varied what is left is.

    Its exponential is an effective number. It says nothing of how much is left: :func:`scendi` weighs by that.

    Returns:
        Nats; NaN where the prompts explain everything, for there is nothing left to be varied.
    """
    return entropy(_left(images, texts))


def scendi(images: NDArray[np.floating], texts: NDArray[np.floating]) -> float:
    """The published Scendi score: exp of the entropy of what is left, times the share that is left.

    Returns:
        An effective number from 1, where the prompts explain everything, up to :func:`vendi` and no more than d.
    """
    left = _left(images, texts)
    return float(np.exp(left.sum() * entropy(left))) if left.any() else 1.0


def without_prompt(
    images: NDArray[np.floating], texts: NDArray[np.floating], mapping: Matrix, *, unit: bool = True
) -> Matrix:
    """Pictures' embeddings without what a text says of them, as to ignore "a watermark": x - C_it C_tt^-1 t.

    Args:
        images: (n, d) rows.
        texts: (n, e) rows of what to take away, or (1, e) for the same from all.
        mapping: (d, e) of :func:`prompt_map`, made on many pairs.
        unit: bring rows back to length 1; a row of which nothing is left stays 0.

    Returns:
        (n, d) rows.
    """
    rows = images.astype(np.float64) - texts.astype(np.float64) @ mapping.T
    if not unit:
        return np.asarray(rows)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > _NOTHING))


def _left(images: NDArray[np.floating], texts: NDArray[np.floating]) -> NDArray[np.float64]:
    """Eigenvalues of the Schur complement as shares of the pictures' whole covariance (1 for unit rows)."""
    whole = float(np.trace(_covariance(images, images)))
    return _spectrum(schur_complement(images, texts) / whole)


def _covariance(one: NDArray[np.floating], other: NDArray[np.floating]) -> Matrix:
    return np.asarray(one.astype(np.float64).T @ other.astype(np.float64) / len(one))


def _spectrum(matrix: Matrix) -> NDArray[np.float64]:
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    return np.asarray(np.where(values > _NOTHING, values, 0.0))
