"""How well a score tells answerable rows from others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["auroc", "by_form"]


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """Chance that a positive row scores above another, ties half (Mann and Whitney, 1947); None without both kinds."""
    high, low = scores[positive], scores[~positive]
    if not len(high) or not len(low):
        return None
    order = np.sort(low)
    below, upto = np.searchsorted(order, high, "left"), np.searchsorted(order, high, "right")
    return float((below + upto).mean() / 2 / len(low))


def by_form(
    scores: NDArray[np.floating], answerable: NDArray[np.bool_], forms: Sequence[str]
) -> dict[str, float | None]:
    """AUROC of all answerable rows against the unanswerable ones of each form, and against all."""
    there = np.array(forms)
    found = {
        form: auroc(scores[answerable | (there == form)], answerable[answerable | (there == form)])
        for form in sorted(set(there[~answerable].tolist()))
    }
    return {**found, "all": auroc(scores, answerable)}
