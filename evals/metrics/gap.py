"""How far apart an encoder keeps its modalities, and what search loses by it.

The modality gap: Liang et al., "Mind the gap", NeurIPS 2022.

Shapes: n and m rows of two modalities, d dimensions; unit rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, ExtraMissing

__all__ = ["Closeness", "Kinship", "closeness", "kinship", "mean_distance", "separability"]

Rows = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, slots=True)
class Closeness:
    """Mean cosines of pairs across modalities."""

    matched: float
    """Of what belongs together: row i with row i."""
    unmatched: float
    """Of all other pairs; NaN with a single row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kinship:
    """How much neighbours favour the query's own modality."""

    share: float
    """Share of it among the nearest neighbours."""
    base: float
    """Its share of what could be found: ``share`` of a search without bias."""

    @property
    def bias(self) -> float:
        """``share`` over ``base``: 1 without bias."""
        return self.share / self.base


def mean_distance(one: Rows, other: Rows) -> float:
    """(n, d), (m, d) -> Euclidean distance of the two means, 0 to 2: Liang's modality gap."""
    return float(np.linalg.norm(one.astype(np.float64).mean(axis=0) - other.astype(np.float64).mean(axis=0)))


def separability(one: Rows, other: Rows, *, folds: int = 5, seed: int = 0) -> float:
    """How well a plane tells the modalities apart: accuracy of logistic regression on folds it has not seen.

    Args:
        one: (n, d) rows, n >= folds.
        other: (m, d) rows, m >= folds.
        folds: of cross-validation, stratified; 2 or more.
        seed: of the shuffling.

    Returns:
        Balanced accuracy: 0.5 where they cannot be told apart, 1 where always, whatever n and m are.

    Raises:
        CallerError: fewer rows than folds.
        ExtraMissing: scikit-learn is not installed.
    """
    if min(len(one), len(other)) < folds:
        raise CallerError(f"{folds} folds need as many rows of each modality; found {len(one)} and {len(other)}")
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold, cross_val_score
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "evals") from error
    rows = np.concatenate([one, other]).astype(np.float64)
    kinds = np.repeat([0, 1], [len(one), len(other)])
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return float(cross_val_score(model, rows, kinds, cv=split, scoring="balanced_accuracy").mean())


def closeness(one: Rows, other: Rows) -> Closeness:
    """(n, d), (n, d): row i belongs to row i -> mean cosines of what belongs together and of what does not."""
    cosines = one.astype(np.float64) @ other.astype(np.float64).T  # (n, n)
    count = len(cosines)
    matched = float(np.trace(cosines)) / count
    others = (float(cosines.sum()) - matched * count) / (count * (count - 1)) if count > 1 else float("nan")
    return Closeness(matched=matched, unmatched=others)


def kinship(queries: Rows, own: Rows, other: Rows, k: int, *, among: bool = False) -> Kinship:
    """Share of the query's own modality among its ``k`` nearest in a mixed collection.

    The bias that mixed-modality search must overcome (GR-CLIP, 2025): with the gap open, texts find texts first.

    Args:
        queries: (q, d) rows.
        own: (n, d) rows of the queries' modality.
        other: (m, d) rows of the other one.
        k: neighbours, at most all of them.
        among: the queries are ``own`` itself; each is then left out of its own neighbours.

    Raises:
        CallerError: k below 1 or more than can be found, or ``among`` with other rows than ``own``.
    """
    if among and queries.shape != own.shape:
        raise CallerError(f"queries {queries.shape} are said to be the rows of their own modality, {own.shape}")
    mates = len(own) - among
    if not 1 <= k <= mates + len(other):
        raise CallerError(f"k is {k!r}; allowed are whole numbers from 1 to {mates + len(other)}")
    scores = queries.astype(np.float64) @ np.concatenate([own, other]).astype(np.float64).T  # (q, n + m)
    if among:
        np.fill_diagonal(scores, -np.inf)
    nearest = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return Kinship(share=float((nearest < len(own)).mean()), base=mates / (mates + len(other)))
