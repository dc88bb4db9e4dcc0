"""The figures of a summary as records: a value that is not known is NaN and is written ``unscored``, never 0."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from foveate.evals.reading.rows import Row

__all__ = ["UNSCORED", "Figure", "Slice", "figures", "number", "slices", "spread"]

UNSCORED = "unscored"
"""What stands where a figure does not exist."""
NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One metric of a task or of a slice of it."""

    metric: str
    value: float
    """NaN where it does not exist."""
    low: float
    """Lower end of the interval; NaN where there is none."""
    high: float
    scored: int
    """Samples that went into it."""
    unscored: int
    clusters: int | None
    """Groups that the bootstrap resampled; None where the summary does not say."""
    better: str
    """``higher`` or ``lower``."""
    level: float
    """Of the interval: 0.95."""

    @property
    def known(self) -> bool:
        """True when there is a value."""
        return math.isfinite(self.value)

    @property
    def bounded(self) -> bool:
        """True when there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """The samples of a task that share one property."""

    key: str
    """``language``."""
    value: str
    """``de``."""
    samples: int
    figures: Mapping[str, Figure]


def figures(row: Row) -> dict[str, Figure]:
    """Figures by metric of a summary's ``metrics``, in its order.

    Raises:
        CallerError: a field that is not what the format says; names file and field.
    """
    return {name: _figure(name, row.row(name)) for name in row.data}


def slices(row: Row) -> tuple[Slice, ...]:
    """Slices of a task's entry in the summary, in its order; none where it has none."""
    if row.data.get("slices") is None:
        return ()
    by_key = row.row("slices")
    return tuple(
        Slice(key=key, value=value, samples=found.get("samples", int), figures=figures(found.row("metrics")))
        for key in by_key.data
        for value in by_key.row(key).data
        for found in (by_key.row(key).row(value),)
    )


def number(value: float | None, *, signed: bool = False) -> str:
    """A figure as reports write it: three decimals where it is below 10, four digits above."""
    if value is None or not math.isfinite(value):
        return UNSCORED
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    if abs(value) >= 10:
        text = f"{value:+,.4g}" if signed else f"{value:,.4g}"
    return "0.000" if text in ("-0.000", "+0.000") else text


def spread(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """An interval as reports write it; a dash where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "-"
    return f"[{number(low, signed=signed)}, {number(high, signed=signed)}]"


def _figure(name: str, row: Row) -> Figure:
    better = row.get("better", str)
    if better not in ("higher", "lower"):
        raise row.bad("better", "'higher' or 'lower'", better)
    return Figure(
        metric=name,
        value=_known(row, "value"),
        low=_known(row, "low"),
        high=_known(row, "high"),
        scored=row.get("scored", int),
        unscored=row.get("unscored", int),
        clusters=row.find("clusters", int),
        better=better,
        level=row.get("level", float, 0.95),
    )


def _known(row: Row, field: str) -> float:
    """A number; NaN for null, and for the infinities that JSON of some writers holds."""
    found = row.data.get(field)
    value = NAN if found is None else row.get(field, float)
    return value if math.isfinite(value) else NAN
