"""Samples as the media they come from: what is drawn together.

Shapes: n samples, m of them scored, c columns, g clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns

__all__ = ["Clusters", "Counts", "clustered", "differences"]

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Clusters:
    """Scored rows, those of one media side by side, in an order that does not depend on how they came."""

    columns: Columns
    """(m, c), sorted by group, then by value."""
    sizes: Counts
    """(g) rows a cluster, in the order of ``columns``."""
    unscored: int
    """Rows left out because a column was NaN."""

    @property
    def starts(self) -> Counts:
        """(g) first row of each cluster."""
        starts: Counts = np.cumsum(self.sizes) - self.sizes
        return starts

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over each cluster's rows: (m) -> (g)."""
        return np.add.reduceat(values, self.starts) if len(values) else np.zeros(0)

    def rows(self, picks: Counts) -> Counts:
        """Rows of some clusters, repeats included: (k) clusters -> row numbers."""
        sizes = self.sizes[picks]
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        rows: Counts = np.arange(total) + np.repeat(self.starts[picks] - (ends - sizes), sizes)
        return rows


def clustered(columns: Columns, groups: Sequence[str]) -> Clusters:
    """Leave out what is unscored and bring the rest into an order of its own.

    Args:
        columns: (n, c); a row with a NaN is unscored.
        groups: (n) media of each row; an empty string stands alone.

    Raises:
        CallerError: not two-dimensional, not one group a row, or an infinite value.
    """
    if columns.ndim != 2 or not columns.shape[1]:
        raise CallerError(f"columns must be (samples, columns) with at least one column, found {columns.shape!r}")
    if len(groups) != len(columns):
        raise CallerError(f"one group a sample is expected: {len(columns)} samples, {len(groups)} groups")
    if np.isinf(columns).any():
        row, column = np.argwhere(np.isinf(columns))[0]
        raise CallerError(f"row {row}, column {column}: {columns[row, column]!r} is infinite; unscored is NaN")
    scored = np.flatnonzero(~np.isnan(columns).any(axis=1))
    place = {name: number for number, name in enumerate(sorted(set(groups)))}
    codes = np.array([place[groups[row]] for row in scored.tolist()], dtype=np.int64)
    kept = columns[scored].astype(np.float64)  # (m, c)
    # Ties are equal rows, so any permutation of the input gives these same bytes.
    order = np.lexsort((*kept.T[::-1], codes))
    codes = codes[order]
    first = np.ones(len(codes), dtype=bool)
    first[1:] = (codes[1:] != codes[:-1]) | (codes[1:] == place.get("", -1))
    sizes = np.diff(np.append(np.flatnonzero(first), len(codes)))
    return Clusters(columns=kept[order], sizes=sizes, unscored=len(columns) - len(kept))


def differences(a: Columns, b: Columns) -> Columns:
    """First column of one run less the other's: (n, c) twice -> (n, 1), NaN where either run is unscored.

    Raises:
        CallerError: not the same shape.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise CallerError(f"two runs of the same samples and columns are expected, found {a.shape!r} and {b.shape!r}")
    unscored = np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1)
    return np.where(unscored, np.nan, a[:, 0] - b[:, 0])[:, None]
