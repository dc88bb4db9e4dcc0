"""Two runs of the same data, sample by sample; or a run against figures that were kept."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns
from foveate.evals.metrics.table import metric as metric_of
from foveate.evals.reading.rows import Row
from foveate.evals.report.comparison import Comparison, Difference, Finding
from foveate.evals.report.drawings import leading, task_point
from foveate.evals.report.figures import Figure
from foveate.evals.report.plots import Point
from foveate.evals.report.run import RunFolder, TaskRows, read_run
from foveate.evals.stats import holm, paired

__all__ = ["Comparison", "Difference", "Finding", "baseline_of", "check", "compare", "compare_paths", "worse"]

ERRORS = "errors"
"""Share of samples that failed: a figure every task has, for rules; it is not tested."""
LEVEL = 0.95
DRAWS = 2000
_FORMAT = 1
_NAN = float("nan")
# 0.9 - 0.89 is 0.010000000000000009, which must not break a rule of 0.01.
_SLACK = 1e-9


def compare(
    a: Path,
    b: Path,
    *,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    level: float = LEVEL,
    draws: int = DRAWS,
    slices: bool = False,
) -> Comparison:
    """Compare two runs of the same data, or a run with a baseline file.

    Differences are b - a over the samples that both scored, with intervals and permutation tests paired by sample,
    clustered by media, and Holm's correction (Holm, 1979) over all figures of the comparison. Against a baseline
    only figures are compared.

    Args:
        a: folder of a finished run, or a file that :func:`baseline_of` gave.
        b: folder of a finished run.
        metrics: only these; None for all that both have.
        seed: of the draws.
        level: of the intervals, 0.95 unless told otherwise.
        draws: of bootstrap and permutations.
        slices: compare by slice too; a family of its own.

    Raises:
        CallerError: an unfinished or damaged run, runs of different data (names what differs), no task in common, an
            unknown metric (names the choices).
    """
    after = read_run(b)
    before: RunFolder | None = None
    if a.is_file():
        known = _baseline(a)
    else:
        before = read_run(a)
        known = _body(before)
    shared = _shared(known, after)
    _same_data(known, _body(after), shared)
    chosen = _chosen(known, after, shared, metrics)
    found: list[Difference] = []
    by_slice: list[Difference] = []
    for name in shared:
        task = after.tasks[name]
        if before is None:
            found += [_by_figure(known, task, metric) for metric in chosen[name]]
        else:
            pair = _Pair(before.tasks[name], task, seed, level, draws)
            found += [pair.whole(metric) for metric in chosen[name]]
            by_slice += pair.sliced(chosen[name]) if slices else []
        found += [] if metrics else [_errors(known, task)]
    only_a, only_b = _apart(known, after, shared)
    return Comparison(
        a={"path": str(a), "suite": str(known["suite"]), "target": str(known["target"])},
        b={"path": str(b), "suite": after.suite, "target": after.target},
        differences=_adjusted(found),
        slices=_adjusted(by_slice),
        only_a=only_a,
        only_b=only_b,
        level=level,
        seed=seed,
        draws=draws if before else 0,
        costs=_costs(before, after, shared) if before else (),
    )


def compare_paths(
    a: Path,
    b: Path,
    *,
    metrics: Sequence[str] | None = None,
    rules: Sequence[str] = (),
    seed: int = 0,
    slices: bool = False,
) -> tuple[Comparison, list[Finding]]:
    """What ``foveate eval compare`` does: the comparison and the rules that are broken."""
    comparison = compare(a, b, metrics=metrics, seed=seed, slices=slices)
    return comparison, worse(comparison, rules)


def worse(comparison: Comparison, rules: Iterable[str]) -> list[Finding]:
    """The rules ``METRIC:DROP`` or ``TASK/METRIC:DROP`` that are broken; see :class:`Finding` for when one is.

    Raises:
        CallerError: a rule that is not of that form, or a metric that is not compared; names the choices.
    """
    return [finding for finding in check(comparison, rules) if finding.broken]


def check(comparison: Comparison, rules: Iterable[str]) -> list[Finding]:
    """What every rule says of every task it speaks of, broken or not.

    Raises:
        CallerError: as :func:`worse`.
    """
    return [
        Finding(rule=rule, limit=limit, difference=found, broken=_broken(found, limit))
        for rule in rules
        for metric, limit in (_parsed(rule),)
        for found in _named(comparison, metric, rule)
    ]


def baseline_of(folder: Path) -> dict[str, Any]:
    """The figures of a finished run with what its data is known by: what a project keeps and compares with.

    Returns:
        ``{"format", "suite", "target", "data": {task: ...}, "tasks": {task: {metric: value or None}}}``, for JSON.
    """
    return _body(read_run(folder))


def _body(run: RunFolder) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "suite": run.suite,
        "target": run.target,
        "data": {name: _data(task) for name, task in run.tasks.items()},
        "tasks": {
            name: {figure.metric: figure.value if figure.known else None for figure in task.figures.values()}
            for name, task in run.tasks.items()
        },
    }


def _data(task: TaskRows) -> dict[str, Any]:
    names = json.dumps(sorted(row.id for row in task.rows), ensure_ascii=True).encode()
    return {
        "task": task.facts.get("task"),
        "dataset": task.facts.get("dataset"),
        "options": task.facts.get("options") or {},
        "data_sha256": task.facts.get("data_sha256"),
        "samples": len(task.rows),
        "samples_sha256": hashlib.sha256(names).hexdigest(),
        "errors": task.errors,
        "scored": {figure.metric: figure.scored for figure in task.figures.values()},
    }


def _baseline(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CallerError(f"{path.name}: no JSON: {error}") from None
    if not isinstance(body, dict):
        raise CallerError(f"{path.name}: a baseline is a JSON object, found {type(body).__name__}")
    row = Row(body, path.name)
    if row.get("format", int) != _FORMAT:
        raise row.bad("format", str(_FORMAT), row.data["format"])
    row.get("suite", str), row.get("target", str)
    data, tasks = row.row("data"), row.row("tasks")
    for name in tasks.data:
        entry, values = data.row(name), tasks.row(name)
        entry.get("errors", int), entry.get("samples", int), entry.row("scored")
        for metric in values.data:
            values.find(metric, float)
    return body


def _shared(known: Mapping[str, Any], after: RunFolder) -> list[str]:
    shared = [name for name in after.tasks if name in known["tasks"]]
    if not shared:
        raise CallerError(
            f"no task in common: A has {', '.join(map(repr, known['tasks']))}, B has "
            f"{', '.join(map(repr, after.tasks))}"
        )
    return shared


def _same_data(a: Mapping[str, Any], b: Mapping[str, Any], shared: Sequence[str]) -> None:
    apart = []
    for name in shared:
        for key in ("task", "dataset", "options", "data_sha256", "samples", "samples_sha256"):
            left, right = a["data"][name].get(key), b["data"][name].get(key)
            if left != right:
                what = "ids of the samples (SHA-256)" if key == "samples_sha256" else key
                apart.append(f"{what} of task {name!r}: {left!r} in A, {right!r} in B")
    if apart:
        raise CallerError(f"only runs of the same data can be compared; these differ: {'; '.join(apart)}")


def _chosen(
    known: Mapping[str, Any], after: RunFolder, shared: Sequence[str], metrics: Sequence[str] | None
) -> dict[str, list[str]]:
    """Metrics of each task that both have, in the suite's order."""
    both = {name: [m for m in after.tasks[name].figures if m in known["tasks"][name]] for name in shared}
    there = list(dict.fromkeys(metric for found in both.values() for metric in found))
    for metric in metrics or ():
        if metric not in there:
            raise CallerError(f"metric {metric!r} is not in both runs; choices: {', '.join(there) or 'none'}")
    return {name: [m for m in found if metrics is None or m in metrics] for name, found in both.items()}


def _apart(
    known: Mapping[str, Any], after: RunFolder, shared: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tasks and metrics that only one side has."""
    tasks_a, tasks_b = known["tasks"], {name: task.figures for name, task in after.tasks.items()}

    def alone(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
        tasks = [name for name in one if name not in shared]
        return (*tasks, *(f"{name}/{m}" for name in shared for m in one[name] if m not in other[name]))

    return alone(tasks_a, tasks_b), alone(tasks_b, tasks_a)


class _Pair:
    """One task of two runs, rows matched by sample id."""

    def __init__(self, a: TaskRows, b: TaskRows, seed: int, level: float, draws: int) -> None:
        place = {row.id: number for number, row in enumerate(b.rows)}
        self.a, self.b = a, b
        self._order = [place[row.id] for row in a.rows]
        self._groups = [row.group for row in a.rows]
        self._read: dict[str, tuple[Columns, Columns]] = {}
        self._drawing: dict[str, Any] = {"seed": seed, "level": level, "draws": draws}

    def whole(self, metric: str) -> Difference:
        """Over all samples."""
        everything = np.arange(len(self.a.rows))
        return self._difference(metric, self.a.figures[metric], self.b.figures[metric], everything, None)

    def sliced(self, metrics: Sequence[str]) -> list[Difference]:
        """By each slice that both summaries have."""
        others = {(item.key, item.value): item for item in self.b.slices}
        return [
            self._difference(metric, item.figures[metric], other.figures[metric], rows, (item.key, item.value))
            for item in self.a.slices
            for other in (others.get((item.key, item.value)),)
            if other is not None
            for rows in (self._rows(item.key, item.value),)
            for metric in metrics
            if metric in item.figures and metric in other.figures
        ]

    def _rows(self, key: str, value: str) -> Any:
        return np.array([n for n, row in enumerate(self.a.rows) if row.slices.get(key) == value], dtype=np.int64)

    def _columns(self, metric: str) -> tuple[Columns, Columns]:
        """(n, c) of both in the first run's order, read once: slices ask many times."""
        if metric not in self._read:
            self._read[metric] = self.a.columns(metric), self.b.columns(metric)[self._order]
        return self._read[metric]

    def _difference(self, metric: str, a: Figure, b: Figure, rows: Any, slice: tuple[str, str] | None) -> Difference:
        left, right = (columns[rows] for columns in self._columns(metric))
        there = [~np.isnan(columns).any(axis=1) for columns in (left, right)]
        both = there[0] & there[1]
        plain = Difference(
            task=self.a.name, metric=metric, better=a.better, a=a.value, b=b.value, difference=_NAN, low=_NAN,
            high=_NAN, p_value=_NAN, adjusted=_NAN, n=int(both.sum()), clusters=0, dropped=int((~both).sum()),
            lost=int(there[0].sum() - there[1].sum()), slice=slice,
        )  # fmt: skip
        if not both.any():
            return plain
        groups = [self._groups[number] for number in rows]
        # b first: the difference is b - a.
        measured = metric_of(metric)
        found = paired(right, left, measured.statistic, groups, bounds=measured.bounds, **self._drawing)
        return replace(
            plain,
            difference=found.difference,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            clusters=found.clusters,
        )


def _by_figure(known: Mapping[str, Any], task: TaskRows, metric: str) -> Difference:
    """Of a baseline: the figures alone."""
    value, figure = known["tasks"][task.name][metric], task.figures[metric]
    a = _NAN if value is None else float(value)
    return Difference(
        task=task.name, metric=metric, better=figure.better, a=a, b=figure.value, difference=figure.value - a,
        low=_NAN, high=_NAN, p_value=_NAN, adjusted=_NAN, n=figure.scored, clusters=None, dropped=figure.unscored,
        lost=int(known["data"][task.name]["scored"].get(metric, figure.scored)) - figure.scored,
    )  # fmt: skip


def _errors(known: Mapping[str, Any], task: TaskRows) -> Difference:
    count = max(1, len(task.rows))
    a, b = known["data"][task.name]["errors"] / count, task.errors / count
    return Difference(
        task=task.name, metric=ERRORS, better="lower", a=a, b=b, difference=b - a, low=_NAN, high=_NAN, p_value=_NAN,
        adjusted=_NAN, n=len(task.rows), clusters=None, dropped=0, lost=0,
    )  # fmt: skip


def _adjusted(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Holm's correction over those that were tested."""
    corrected = holm([item.p_value for item in found])
    return tuple(replace(item, adjusted=value) for item, value in zip(found, corrected, strict=True))


def _costs(before: RunFolder, after: RunFolder, shared: Sequence[str]) -> tuple[Point, ...]:
    points = []
    for name in shared:
        figure = leading(before.tasks[name])
        if figure is not None:
            for side, run, series in (("A", before, 0), ("B", after, 1)):
                points.append(task_point(run.tasks[name], f"{side} {name} {figure.metric}", series, figure.metric))
    return tuple(point for point in points if point is not None)


def _broken(found: Difference, limit: float) -> bool:
    if math.isfinite(found.a) and not math.isfinite(found.difference):
        return True  # nobody knows that it is not worse
    return -found.gain > limit + _SLACK


def _parsed(rule: str) -> tuple[str, float]:
    """Metric and DROP. The last colon parts them: ``moment_recall@5:0.7:0.01`` has two."""
    metric, colon, drop = rule.rpartition(":")
    try:
        limit = float(drop)
    except ValueError:
        limit = _NAN
    if not (metric and colon and math.isfinite(limit) and limit >= 0):
        raise CallerError(f"rule {rule!r} must be METRIC:DROP or TASK/METRIC:DROP, with DROP a number from 0")
    return metric, limit


def _named(comparison: Comparison, metric: str, rule: str) -> list[Difference]:
    names = [found for found in comparison.differences if metric in (found.metric, f"{found.task}/{found.metric}")]
    if not names:
        there = dict.fromkeys(found.metric for found in comparison.differences)
        tasks = dict.fromkeys(found.task for found in comparison.differences)
        raise CallerError(
            f"rule {rule!r}: {metric!r} is not compared; metrics: {', '.join(there) or 'none'}; "
            f"tasks: {', '.join(tasks) or 'none'}"
        )
    return names
