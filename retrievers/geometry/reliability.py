"""Whether an uncertainty tells when search fails: recall in bins of it, as ProbVLM reports."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["Reliability", "auroc", "ranks", "reliability"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Recall by bins of uncertainty, least uncertain first."""

    recalls: tuple[float, ...]
    """Of each bin, 0 to 1."""
    falls: float
    """Spearman's -rho of bin and recall: 1 where recall falls with every bin; NaN where all bins are equal."""
    r2: float
    """Of the straight line through the bins; NaN where all bins are equal."""
    auroc: float
    """Chance that a miss is the more uncertain of a hit and a miss; NaN without both."""

    def to_dict(self) -> dict[str, float | list[float] | None]:
        """JSON form; unknown is null."""
        single = {"falls": self.falls, "r2": self.r2, "auroc": self.auroc}
        told = {name: None if np.isnan(value) else round(value, 4) for name, value in single.items()}
        return {**told, "recalls": [round(value, 4) for value in self.recalls]}


def reliability(uncertainty: Array, hit: NDArray[np.bool_], *, bins: int = 10) -> Reliability:
    """Hold (n) uncertainties against (n) outcomes, in bins of equal size.

    Raises:
        CallerError: lengths differ, values are not finite, or there are fewer outcomes than bins or bins than 2.
    """
    if uncertainty.shape != hit.shape or uncertainty.ndim != 1:
        raise CallerError(f"uncertainties of shape {uncertainty.shape!r} and outcomes of {hit.shape!r}")
    if not np.isfinite(uncertainty).all():
        raise CallerError("an uncertainty is not finite")
    if not 2 <= bins <= len(hit):
        raise CallerError(f"{bins!r} bins of {len(hit)} outcomes; needed are 2 to {len(hit)}")
    order = np.argsort(uncertainty, kind="stable")
    recalls = np.array([part.mean() for part in np.array_split(hit[order].astype(np.float64), bins)])
    places = np.arange(bins, dtype=np.float64)
    return Reliability(
        recalls=tuple(float(value) for value in recalls),
        falls=-_correlation(places, ranks(recalls)),
        r2=_correlation(places, recalls) ** 2,
        auroc=auroc(uncertainty[~hit], uncertainty[hit]),
    )


def auroc(higher: Array, lower: Array) -> float:
    """Chance that a value of the first is above one of the second, ties counting half; NaN if either is empty."""
    if not len(higher) or not len(lower):
        return float("nan")
    placed = ranks(np.concatenate([higher, lower]))[: len(higher)].sum()
    return float((placed - len(higher) * (len(higher) - 1) / 2) / (len(higher) * len(lower)))


def ranks(values: Array) -> Array:
    """(n) ranks from 0, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts).astype(np.float64)
    shared: Array = (ends - (counts + 1) / 2)[inverse]
    return shared


def _correlation(one: Array, other: Array) -> float:
    a, b = one - one.mean(), other - other.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 1e-12 else float("nan")
