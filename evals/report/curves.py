"""What the plots of confidence draw, as numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.evals.metrics.calibration import BINS
from foveate.evals.metrics.metric import Columns
from foveate.evals.metrics.risk import curve

__all__ = ["Bin", "bins", "risk_coverage", "scored"]

_POINTS = 600
"""Points of a curve that a reader can tell apart on a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Samples whose confidence lies in [low, high); the last takes 1 too."""

    low: float
    high: float
    count: int
    confidence: float
    """Mean over them; NaN in an empty one."""
    right: float
    """Share right; NaN in an empty one."""


def scored(columns: Columns) -> Columns:
    """(m, c): the rows without a NaN."""
    return columns[~np.isnan(columns).any(axis=1)]


def risk_coverage(columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve of :func:`foveate.evals.metrics.risk.curve`, thinned to what a page can show.

    Args:
        columns: (n, 2) confidence and right in [0, 1], n >= 1, no NaN; an abstention's confidence is below 0.

    Returns:
        Coverage and risk, (m) each with m <= n: at most 600 points of the n, the last among them.
    """
    risk = curve(columns)
    keep = np.unique(np.linspace(0, len(columns) - 1, min(len(columns), _POINTS)).round().astype(np.int64))
    return (keep + 1) / len(columns), risk[keep]


def bins(columns: Columns, count: int = BINS) -> tuple[Bin, ...]:
    """The bins of equal width that expected calibration error sums over; 1 joins the last of them.

    Args:
        columns: (n, 2) confidence and right in [0, 1], no NaN.
        count: of bins.
    """
    edges = np.linspace(0.0, 1.0, count + 1)
    place = np.clip(np.searchsorted(edges, columns[:, 0], side="right") - 1, 0, count - 1)
    return tuple(
        Bin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            count=len(inside),
            confidence=float(inside[:, 0].mean()) if len(inside) else float("nan"),
            right=float(inside[:, 1].mean()) if len(inside) else float("nan"),
        )
        for number in range(count)
        for inside in (columns[place == number],)
    )
