"""A comparison for people: lines for a terminal, Markdown, HTML with the forest plot."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from foveate.evals.report.comparison import Comparison, Difference
from foveate.evals.report.drawings import cost_plots
from foveate.evals.report.figures import number, spread
from foveate.evals.report.html import page
from foveate.evals.report.markdown import escaped, table
from foveate.evals.report.plots import Bar, forest
from foveate.evals.report.words import plain

__all__ = ["text_lines", "to_html", "to_markdown"]

_HEAD = ("task", "metric", "better", "A", "B", "B - A", "interval", "p", "p (Holm)", "n", "dropped")


def text_lines(comparison: Comparison) -> Iterator[str]:
    """Columns set with spaces; the first two lines say what A and B are."""
    yield f"A: {_side(comparison.a)}"
    yield f"B: {_side(comparison.b)}"
    rows = [_HEAD, *(_cells(found) for found in _shown(comparison.differences))]
    wide = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    for row in rows:
        cells = [
            cell.ljust(size) if place < 3 else cell.rjust(size)
            for place, (cell, size) in enumerate(zip(row, wide, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    yield from _asides(comparison)


def to_markdown(comparison: Comparison) -> str:
    """The same as Markdown, the slices below."""
    lines = [
        "# Comparison",
        "",
        f"- A: {escaped(_side(comparison.a))}",
        f"- B: {escaped(_side(comparison.b))}",
        "",
        *table(_HEAD, [_cells(found) for found in _shown(comparison.differences)], right=3),
        "",
    ]
    if comparison.slices:
        head = ("task", "slice", *_HEAD[1:])
        rows = [(found.task, _slice(found), *_cells(found)[1:]) for found in comparison.slices]
        lines += ["## By slice", "", *table(head, rows, right=4), ""]
    return "\n".join([*lines, *(escaped(line) for line in _asides(comparison))]) + "\n"


def to_html(comparison: Comparison) -> str:
    """One file: what is compared, the table, a forest plot a task, quality against cost of both."""
    body: dict[str, Any] = {
        "a": _side(comparison.a),
        "b": _side(comparison.b),
        "head": _HEAD,
        "rows": [(_cells(found), _verdict(found, comparison)) for found in _shown(comparison.differences)],
        "slice_rows": [(_slice(found), _cells(found)) for found in comparison.slices],
        "asides": [*_asides(comparison), *_turned(comparison)],
        "plots": [Markup(plot) for plot in _forests(comparison)],
        "slice_plots": [Markup(plot) for plot in _slice_forests(comparison)],
        "cost_plots": [Markup(plot) for plot in cost_plots(comparison.costs, "leading metric")],
    }
    return page("compare.html", body)


def _forests(comparison: Comparison) -> Iterator[str]:
    for task in dict.fromkeys(found.task for found in comparison.differences):
        there = [found for found in comparison.differences if found.task == task and _tested(found)]
        if there and comparison.paired:
            yield forest(f"{task}: how much better B is", [_bar(f, f.metric, comparison) for f in there], _WAYS)


def _slice_forests(comparison: Comparison) -> Iterator[str]:
    keys = dict.fromkeys((found.task, found.metric, found.slice[0]) for found in comparison.slices if found.slice)
    for task, metric, key in keys:
        there = [
            found
            for found in comparison.slices
            if found.slice and (found.task, found.metric, found.slice[0]) == (task, metric, key) and _tested(found)
        ]
        there.sort(key=lambda found: -found.gain)
        bars = [_bar(found, found.slice[1], comparison) for found in there if found.slice]
        if bars:
            yield forest(f"{task} {metric} by {key}: how much better B is", bars, _WAYS)


_WAYS = "left of 0: A is better · right of 0: B is better · diamond: stands after Holm's correction"


def _bar(found: Difference, label: str, comparison: Comparison) -> Bar:
    turned = found.better == "lower"
    low, high = (-found.high, -found.low) if turned else (found.low, found.high)
    note = f"p {_p(found.adjusted)} · n {found.n}"
    return Bar(
        label=f"{label} (turned)" if turned else label,
        value=found.gain,
        low=low,
        high=high,
        note=note,
        strong=found.adjusted <= 1 - comparison.level,
    )


def _cells(found: Difference) -> tuple[str, ...]:
    return (
        plain(found.task),
        plain(found.metric),
        found.better,
        number(found.a),
        number(found.b),
        number(found.difference, signed=True),
        spread(found.low, found.high, signed=True),
        _p(found.p_value),
        _p(found.adjusted),
        str(found.n),
        str(found.dropped),
    )


def _verdict(found: Difference, comparison: Comparison) -> str:
    """``good`` or ``bad`` where the difference stands after correction, else nothing."""
    if not found.adjusted <= 1 - comparison.level or not found.gain:
        return ""
    return "good" if found.gain > 0 else "bad"


def _asides(comparison: Comparison) -> Iterator[str]:
    if comparison.paired:
        family = sum(not math.isnan(found.p_value) for found in comparison.differences)
        yield (
            f"Paired over the samples that both scored; {comparison.level:.0%} intervals by {comparison.draws:,} draws "
            f"over clusters, seed {comparison.seed}; p by paired permutation, Holm's correction over {family} figures."
        )
    else:
        yield "Against a baseline only figures are compared: no intervals, no tests."
    for name, there in (("A", comparison.only_a), ("B", comparison.only_b)):
        if there:
            yield f"Only in {name}, not compared: {', '.join(map(plain, there))}."


def _turned(comparison: Comparison) -> Iterator[str]:
    if comparison.paired and any(found.better == "lower" and _tested(found) for found in comparison.differences):
        yield "Turned: of this metric less is better, so its difference is drawn with the other sign."


def _shown(differences: Sequence[Difference]) -> list[Difference]:
    """Failures are shown where there are any."""
    return [found for found in differences if found.metric != "errors" or found.a > 0 or found.b > 0]


def _tested(found: Difference) -> bool:
    return math.isfinite(found.difference) and found.metric != "errors"


def _side(side: Any) -> str:
    return f"{plain(side['path'])} (suite {plain(side['suite'])}, target {plain(side['target'])})"


def _slice(found: Difference) -> str:
    return f"{plain(found.slice[0])}: {plain(found.slice[1])}" if found.slice else ""


def _p(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
