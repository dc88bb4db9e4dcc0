"""The plots of a report, each as an ``<svg>`` element with a text that says what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.evals.metrics.metric import Columns
from foveate.evals.report.canvas import GRID, INK, SERIES, SOFT, svg
from foveate.evals.report.curves import bins, risk_coverage
from foveate.evals.report.figures import number, spread
from foveate.evals.report.labels import Label, place
from foveate.evals.report.words import plain

__all__ = ["Bar", "Point", "calibration", "forest", "quality_cost", "risk_coverage_plot", "slice_bars"]

_SHOWN = 80
"""Bars in one plot; of more, the best and the worst halves are drawn and the table has all."""
_LABEL = 30
_ROW_IN = 0.235


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One row of a bar or forest plot. What is not known is NaN."""

    label: str
    value: float
    low: float
    high: float
    note: str
    """Right of it: how many samples, or a p-value."""
    strong: bool = False
    """Drawn with weight: a difference that stands after correction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One task or run in the plot of quality against cost."""

    label: str
    value: float
    low: float
    high: float
    costs: dict[str, float]
    """Cost a sample by measure; one that is not known is absent."""
    series: int = 0


def risk_coverage_plot(columns: Columns, aurc: float) -> str:
    """Risk-coverage curve (El-Yaniv and Wiener, JMLR 2010).

    Args:
        columns: (n, 2) confidence and right, scored rows only.
        aurc: area under it, as the metric has it; NaN leaves it out.
    """
    coverage, risk = risk_coverage(columns)
    always = float(risk[-1])
    alt = (
        f"Risk-coverage curve over {len(columns)} samples: answering all, {always:.1%} are wrong; "
        f"of the half with most confidence, {_at_half(coverage, risk):.1%}; AURC {number(aurc)}."
    )

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.plot(coverage, risk, color=SERIES[0], linewidth=1.8, drawstyle="steps-post")
        axes.fill_between(coverage, risk, step="post", color=SERIES[0], alpha=0.12, linewidth=0)
        axes.plot([1.0], [always], "o", color=SERIES[1], markersize=6, clip_on=False, zorder=4,
            label=f"always answer: {always:.1%} wrong")  # fmt: skip
        figure.legend(loc="outside lower right", handletextpad=0.2)
        top = max(0.1, float(risk.max()) * 1.12)
        axes.set(xlim=(0, 1), ylim=(0, min(1.0, top)), xlabel="share of samples answered, surest first")
        axes.set_ylabel("share wrong among them")
        axes.set_title(f"Risk and coverage · AURC {number(aurc)} · n {len(columns)}")
        _percent(axes.xaxis)
        _percent(axes.yaxis)

    return svg(5.4, 3.6, alt, draw)


def calibration(columns: Columns, ece: float) -> str:
    """Reliability diagram with counts (DeGroot and Fienberg 1983; Guo et al., ICML 2017).

    Args:
        columns: (n, 2) confidence and right, scored rows only.
        ece: expected calibration error, as the metric has it; NaN leaves it out.
    """
    found = bins(columns)
    alt = f"Reliability diagram over {len(columns)} samples, ECE {number(ece)}. " + " ".join(
        f"Confidence {item.low:.2f} to {item.high:.2f}: {item.count} samples, {item.right:.0%} right."
        for item in found
        if item.count
    )

    def draw(figure: Any) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        full = [item for item in found if item.count]
        for item in full:
            above.plot([item.confidence] * 2, [item.confidence, item.right], color=SERIES[1], linewidth=2.4, alpha=0.55)
        above.plot([i.confidence for i in full], [i.right for i in full], "-", color=SERIES[0], linewidth=1, alpha=0.5)
        above.plot([i.confidence for i in full], [i.right for i in full], "o", color=SERIES[0], markersize=5.5)
        above.set(ylim=(-0.03, 1.03), xlim=(0, 1), ylabel="share right")
        above.set_title(f"Calibration · ECE {number(ece)} · n {len(columns)}")
        _percent(above.yaxis)
        below.bar(
            [(i.low + i.high) / 2 for i in found], [i.count for i in found], width=0.88 / len(found), color=SERIES[0]
        )
        for item in full:
            below.annotate(
                str(item.count), ((item.low + item.high) / 2, item.count), xytext=(0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=7.5,
            )  # fmt: skip
        below.set(xlabel="confidence", ylabel="samples", ylim=(0, max(i.count for i in found) * 1.35), yticks=[])
        below.grid(visible=False)
        _percent(below.xaxis)

    return svg(5.4, 4.2, alt, draw)


def slice_bars(title: str, bars: Sequence[Bar], whole: float) -> str:
    """Horizontal bars with intervals, sorted as given.

    Args:
        title: metric and property: ``nDCG@10 by language``.
        bars: at least one.
        whole: the figure of all samples, drawn as a line; NaN leaves it out.
    """
    shown = _fitting(bars)
    alt = f"{title}: " + "; ".join(f"{b.label} {number(b.value)} {spread(b.low, b.high)}, {b.note}" for b in shown)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        where = np.arange(len(shown))[::-1]
        for y, bar in zip(where, shown, strict=True):
            if np.isfinite(bar.value):
                axes.barh(y, bar.value, height=0.62, color=SERIES[0], alpha=0.45, linewidth=0)
            if np.isfinite(bar.low) and np.isfinite(bar.high):
                axes.plot([bar.low, bar.high], [y, y], color=INK, linewidth=1.4)
        if np.isfinite(whole):
            axes.axvline(whole, color=SERIES[1], linewidth=1.2, linestyle=(0, (4, 3)), zorder=0.5)
        _rows(axes, shown, where)
        axes.set_xlim(*_limits(shown, whole, zero=True))
        cut = f" · {len(shown)} of {len(bars)} shown" if len(shown) < len(bars) else ""
        _titled(axes, f"{title}{cut}", f"dashed: all samples, {number(whole)}" if np.isfinite(whole) else "")

    return svg(7.2, 0.95 + _ROW_IN * len(shown), alt, draw)


def forest(title: str, bars: Sequence[Bar], better: str) -> str:
    """Paired differences with their intervals, one a row.

    Args:
        title: what is compared.
        bars: at least one; ``value`` is the difference.
        better: where the better side lies, in words.
    """
    shown = _fitting(bars)
    alt = f"{title}: " + "; ".join(
        f"{b.label} {number(b.value, signed=True)} {spread(b.low, b.high, signed=True)}, {b.note}" for b in shown
    )

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        where = np.arange(len(shown))[::-1]
        axes.axvline(0, color=SOFT, linewidth=1.2, zorder=0.5)
        for y, bar in zip(where, shown, strict=True):
            color = SERIES[1] if bar.strong else SERIES[0]
            if np.isfinite(bar.low) and np.isfinite(bar.high):
                axes.plot([bar.low, bar.high], [y, y], color=color, linewidth=2 if bar.strong else 1.4)
            if np.isfinite(bar.value):
                axes.plot([bar.value], [y], "D" if bar.strong else "o", color=color, markersize=5)
        _rows(axes, shown, where, signed=True)
        axes.set_xlim(*_limits(shown, 0.0, zero=False))
        cut = f" · {len(shown)} of {len(bars)} shown" if len(shown) < len(bars) else ""
        _titled(axes, f"{title}{cut}", better)

    return svg(7.6, 0.95 + _ROW_IN * len(shown), alt, draw)


def quality_cost(points: Sequence[Point], measure: str, quality: str) -> str:
    """Quality with its interval against what a sample costs.

    Args:
        points: tasks or runs; those without a value or without this cost are left out.
        measure: which cost.
        quality: label of the upright axis.
    """
    there = [point for point in points if np.isfinite(point.value) and measure in point.costs]
    alt = f"{quality} against {measure} a sample: " + "; ".join(
        f"{point.label} {number(point.value)} at {number(point.costs[measure])}" for point in there
    )

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.set_ylabel(quality)
        _cost_panel(axes, there, measure)

    return svg(4.9, 3.5, alt, draw)


def _cost_panel(axes: Any, points: Sequence[Point], measure: str) -> None:
    for point in points:
        x, color = point.costs[measure], SERIES[point.series % len(SERIES)]
        if np.isfinite(point.low) and np.isfinite(point.high):
            axes.plot([x, x], [point.low, point.high], color=color, linewidth=1.4, alpha=0.6)
        axes.plot([x], [point.value], "os"[point.series % 2], color=color, markersize=6, zorder=3)
    values = [point.costs[measure] for point in points]
    if values and min(values) > 0 and max(values) > 30 * min(values):
        axes.set_xscale("log")
        _plain_numbers(axes.xaxis)
        axes.set_xlim(min(values) / 1.6, max(values) * 4)
    else:
        axes.set_xlim(0, max(values, default=1.0) * 1.5 or 1.0)
    ends = [end for p in points for end in (p.value, p.low, p.high) if np.isfinite(end)]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    room = max(high - low, 0.05) * 0.14
    axes.set_ylim(low - room, high + room)
    axes.set_xlabel(f"{measure} a sample")
    place(
        axes,
        [Label(x=p.costs[measure], y=p.value, text=_short(p.label), low=p.low, high=p.high) for p in points],
    )


def _rows(axes: Any, bars: Sequence[Bar], where: Any, *, signed: bool = False) -> None:
    """Labels on the left, figures on the right: outside the bars, so nothing lies on anything."""
    axes.set_yticks(where, [_short(bar.label) for bar in bars])
    axes.set_ylim(-0.6, len(bars) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    right = axes.secondary_yaxis("right")
    right.set_yticks(where, [_figures(bar, signed) for bar in bars])
    right.tick_params(length=0, labelcolor=INK, labelsize=8.5)
    right.spines["right"].set_visible(False)


def _figures(bar: Bar, signed: bool) -> str:
    between = f" {spread(bar.low, bar.high, signed=signed)}" if np.isfinite(bar.low) else ""
    return f"{number(bar.value, signed=signed)}{between} · {bar.note}"


def _titled(axes: Any, title: str, below: str) -> None:
    axes.set_title(plain(title))
    if below:
        axes.set_xlabel(below)
        axes.xaxis.label.set_color(SOFT)
    axes.grid(visible=True, axis="x", color=GRID)


def _limits(bars: Sequence[Bar], also: float, *, zero: bool) -> tuple[float, float]:
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high) if np.isfinite(end)]
    ends += [also] if np.isfinite(also) else []
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    if zero and low >= 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    room = max(high - low, 1e-3) * 0.06
    return (low if zero and low == 0 else low - room), high + room


def _fitting(bars: Sequence[Bar]) -> Sequence[Bar]:
    if len(bars) <= _SHOWN:
        return bars
    return [*bars[: _SHOWN // 2], *bars[-(_SHOWN // 2) :]]


def _short(text: str) -> str:
    words = plain(text)
    return words if len(words) <= _LABEL else f"{words[: _LABEL - 1]}…"


def _at_half(coverage: Any, risk: Any) -> float:
    return float(risk[int(np.searchsorted(coverage, 0.5))])


def _plain_numbers(axis: Any) -> None:
    """1, 10, 100: the scale's own labels are mathematics, which stays off for words of data."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=None))
