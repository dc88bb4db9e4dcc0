"""Which plots a task and a run get."""

from collections.abc import Iterable

import numpy as np

from foveate.evals.metrics.metric import Columns
from foveate.evals.report.costs import per_sample
from foveate.evals.report.curves import scored
from foveate.evals.report.figures import Figure
from foveate.evals.report.plots import Bar, Point, calibration, quality_cost, risk_coverage_plot, slice_bars
from foveate.evals.report.run import TaskRows
from foveate.evals.report.words import plain

__all__ = ["confidence_plots", "cost_plots", "leading", "slice_plots", "task_point"]

# Both keep confidence and right; those of calibration leave abstentions out, those of selective answering do not.
_SELECTIVE = ("aurc", "risk", "coverage")
_CALIBRATION = ("ece", "brier")


def leading(task: TaskRows) -> Figure | None:
    """The first metric of the suite that has a value; None where none has."""
    return next((figure for figure in task.figures.values() if figure.known), None)


def confidence_plots(task: TaskRows) -> list[str]:
    """Risk-coverage curve and reliability diagram, where a metric of the task kept confidence and right."""
    plots = []
    selective = _pairs(task, (*_SELECTIVE, *_CALIBRATION))
    if selective is not None:
        plots.append(risk_coverage_plot(selective, _value(task, "aurc")))
    answered = _pairs(task, (*_CALIBRATION, *_SELECTIVE))
    if answered is not None and (answered[:, 0] >= 0).any():
        plots.append(calibration(answered[answered[:, 0] >= 0], _value(task, "ece")))
    return plots


def slice_plots(task: TaskRows) -> list[str]:
    """Bars of the leading metric, one plot a property; best first, the unscored last."""
    figure = leading(task)
    if figure is None:
        return []
    plots = []
    for key in dict.fromkeys(item.key for item in task.slices):
        found = [item for item in task.slices if item.key == key and figure.metric in item.figures]
        sign = 1 if figure.better == "lower" else -1
        bars = [_bar(item.value, item.figures[figure.metric]) for item in found]
        bars.sort(key=lambda bar: (not np.isfinite(bar.value), sign * bar.value if np.isfinite(bar.value) else 0))
        if bars:
            plots.append(slice_bars(f"{figure.metric} by {plain(key)}", bars, figure.value))
    return plots


def cost_plots(points: Iterable[Point | None], quality: str) -> list[str]:
    """Quality against every cost that is known of any point, one plot a measure."""
    known = [point for point in points if point is not None]
    measures = dict.fromkeys(measure for point in known for measure in point.costs)
    return [quality_cost(known, measure, quality) for measure in measures]


def task_point(task: TaskRows, name: str = "", series: int = 0, metric: str | None = None) -> Point | None:
    """A task's figure with its costs; None where it has none."""
    figure = task.figures.get(metric) if metric else leading(task)
    if figure is None or not figure.known:
        return None
    label = name or f"{task.name} {figure.metric}"
    return Point(
        label=label, value=figure.value, low=figure.low, high=figure.high, costs=per_sample(task), series=series
    )


def _bar(label: str, figure: Figure) -> Bar:
    return Bar(label=label, value=figure.value, low=figure.low, high=figure.high, note=f"n {figure.scored}")


def _value(task: TaskRows, name: str) -> float:
    return next((figure.value for found, figure in task.figures.items() if found.split("@")[0] == name), float("nan"))


def _pairs(task: TaskRows, kinds: tuple[str, ...]) -> Columns | None:
    """(m, 2) scored confidence and right of the first of these metrics that has any."""
    for kind in kinds:
        for name in task.figures:
            columns = scored(task.columns(name)) if name.split("@")[0] == kind else np.empty((0, 0))
            if columns.shape[1] == 2 and len(columns) and (columns[:, 1] >= 0).all() and (columns <= 1).all():
                return columns
    return None
