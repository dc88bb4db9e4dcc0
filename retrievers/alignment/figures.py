"""How well a score tells answerable rows from others."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.retrievers.geometry.reliability import auroc as ranked

__all__ = ["auroc", "by_form"]


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """Chance that a positive row scores above another, ties half (Mann and Whitney, 1947); None without both kinds."""
    found = ranked(scores[positive].astype(float), scores[~positive].astype(float))
    return None if math.isnan(found) else found


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
