"""Intervals of the figures that probes show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figure", "figure"]

_DRAWS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A mean with its 95% interval."""

    value: float
    """NaN without values."""
    low: float
    """NaN below two values."""
    high: float
    n: int
    """Values that were known."""

    def cells(self) -> tuple[float, float, float, int]:
        """For a table: value, low, high, n."""
        return self.value, self.low, self.high, self.n


def figure(values: NDArray[np.float64], *, seed: int = 0) -> Figure:
    """Mean and percentile bootstrap interval (Efron 1979) over independent units, such as scenes.

    Args:
        values: (n); NaN is unknown and left out.
        seed: of the resamples.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"), n=0)
    if len(known) < 2:
        return Figure(value=float(known[0]), low=float("nan"), high=float("nan"), n=1)
    rng = np.random.default_rng(seed)
    # One resample at a time: (draws, n) at once would be 160 MB for 10,000 scenes.
    means = [known[rng.integers(0, len(known), len(known))].mean() for _ in range(_DRAWS)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(value=float(known.mean()), low=float(low), high=float(high), n=len(known))
