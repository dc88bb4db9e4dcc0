"""Families of comparisons: the more are made, the more differ by chance alone."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.evals.stats.quantiles import check_share

__all__ = ["Adjustment", "benjamini_hochberg", "family_note", "holm"]

Adjustment = Literal["holm", "benjamini-hochberg"]
_TITLES = {"benjamini-hochberg": "Benjamini-Hochberg", "holm": "Holm"}


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values that bound the chance of any false finding (Holm, Scandinavian Journal of Statistics, 1979).

    The k-th smallest of m is multiplied by m - k + 1, and never smaller than the one before it.

    Args:
        p_values: of one family, in [0, 1]; NaN was not tested: it stays NaN and does not count.

    Raises:
        CallerError: one outside [0, 1].
    """
    values, order = _ranked(p_values)
    count = len(order)
    raised = values[order] * (count - np.arange(count))
    values[order] = np.minimum(1.0, np.maximum.accumulate(raised)) if count else raised
    return tuple(values.tolist())


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values that bound the share of false findings (Benjamini and Hochberg, JRSS B, 1995).

    The k-th smallest of m is multiplied by m / k, and never larger than the one after it.

    Args:
        p_values: of one family, in [0, 1]; NaN was not tested: it stays NaN and does not count.

    Raises:
        CallerError: one outside [0, 1].
    """
    values, order = _ranked(p_values)
    count = len(order)
    raised = values[order] * count / np.arange(1, count + 1)
    values[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1]) if count else raised
    return tuple(values.tolist())


def family_note(count: int, *, level: float = 0.95, method: Adjustment = "holm") -> str:
    """One sentence for a report with several comparisons.

    Args:
        count: comparisons that were tested.
        level: of confidence: 0.95 looks for p-values below 0.05.
        method: how the p-values beside it are adjusted.

    Raises:
        CallerError: an unknown method, or ``level`` outside (0, 1).
    """
    check_share("level", level)
    if method not in _TITLES:
        raise CallerError(f"unknown adjustment {method!r}; one of {', '.join(_TITLES)}")
    if count < 2:
        return f"{'One comparison' if count else 'No comparisons'}; p-values need no adjustment."
    edge = round(1.0 - level, 10)
    return (
        f"{count} comparisons; by chance alone {count * edge:.2g} would fall below {edge:g}; "
        f"p-values are {_TITLES[method]}-adjusted."
    )


def _ranked(p_values: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The values, and the places of those that were tested, smallest first."""
    values = np.array(p_values, dtype=np.float64)
    tested = ~np.isnan(values)
    wrong = values[tested & ~((values >= 0.0) & (values <= 1.0))]
    if len(wrong):
        raise CallerError(f"a p-value lies between 0 and 1, found {float(wrong[0])!r}")
    places = np.flatnonzero(tested)
    return values, places[np.argsort(values[places], kind="stable")]
