"""The figures of a run as rows of words, shared by HTML and Markdown: both show the same."""

import json
from collections.abc import Mapping
from typing import Any

from foveate.evals.report.costs import cost_lines
from foveate.evals.report.figures import Figure, number, spread
from foveate.evals.report.run import RunFolder, TaskRows
from foveate.evals.report.words import clean

__all__ = ["context", "note"]

UNKNOWN = "unknown"


def context(run: RunFolder) -> dict[str, Any]:
    """Everything but plots and samples."""
    tasks = [_task(run, task, place) for place, task in enumerate(run.tasks.values(), 1)]
    samples = sum(task["samples"] for task in tasks)
    errors = sum(task["errors"] for task in tasks)
    return {
        "title": clean(run.run.get("title") or run.suite),
        "suite": clean(run.suite),
        "target": clean(run.target),
        "counts": f"{len(tasks)} tasks, {samples:,} samples, {errors:,} errors · seed {clean(run.run.get('seed'))}",
        "tasks": tasks,
        "note": note(run),
        "target_facts": _facts(run.run["target"]),
        "run_facts": _facts(
            {key: run.run[key] for key in ("seed", "limit", "level", "draws") if key in run.run}
            | dict(_mapping(run.run.get("versions")))
        ),
    }


def note(run: RunFolder) -> str:
    """How to read the intervals."""
    levels = sorted({figure.level for task in run.tasks.values() for figure in task.figures.values()})
    level = " and ".join(f"{level:.0%}" for level in levels) or "no"
    return (
        f"Intervals: {level}, over clusters: samples that share media count together; summary.json names each method. "
        "What could not be scored is counted as unscored and goes into no figure. "
        "Many figures stand side by side: at 95%, one interval in twenty misses its true value by chance alone."
    )


def _task(run: RunFolder, task: TaskRows, place: int) -> dict[str, Any]:
    return {
        "name": clean(task.name),
        "anchor": f"task-{place}",
        "samples": len(task.rows),
        "errors": task.errors,
        "figures": [_row(figure) for figure in task.figures.values()],
        "slices": _slices(task),
        "costs": [
            {
                "name": line.name,
                "total": _amount(line.total),
                "p50": _amount(line.p50),
                "p95": _amount(line.p95),
                "known": line.known,
            }
            for line in cost_lines(task)
        ],
        "data": {
            "task": clean(task.facts.get("task") or UNKNOWN),
            "target": clean(
                _mapping(task.facts.get("target")).get("kind") or run.run["target"].get("kind") or run.target
            ),
            "dataset": clean(task.facts.get("dataset") or UNKNOWN),
            "options": _flat(_mapping(task.facts.get("options"))),
            "sha256": clean(task.facts.get("data_sha256") or UNKNOWN),
            "licence": clean(task.facts.get("licence") or UNKNOWN),
            "source": clean(task.facts.get("source") or UNKNOWN),
        },
    }


def _row(figure: Figure) -> dict[str, Any]:
    return {
        "metric": clean(figure.metric),
        "known": figure.known,
        "value": number(figure.value),
        "interval": spread(figure.low, figure.high),
        "span": _span(figure),
        "better": figure.better,
        "scored": figure.scored,
        "unscored": figure.unscored,
        "clusters": UNKNOWN if figure.clusters is None else figure.clusters,
    }


def _span(figure: Figure) -> dict[str, str] | None:
    """Where value and interval lie on a strip from 0 to 1, in percent of it; None for what goes beyond."""
    if not (figure.known and figure.bounded and 0 <= figure.low <= figure.high <= 1 and 0 <= figure.value <= 1):
        return None
    wide = max(figure.high - figure.low, 0.005)
    return {
        "low": f"{100 * figure.low:.1f}",
        "wide": f"{100 * wide:.1f}",
        "at": f"{min(98.6, max(0.0, 100 * figure.value - 0.7)):.1f}",
    }


def _slices(task: TaskRows) -> list[tuple[str, list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in task.slices:
        cells = []
        for metric in task.figures:
            figure = item.figures.get(metric)
            known = figure is not None and figure.known
            interval = f" {spread(figure.low, figure.high)}" if figure is not None and known and figure.bounded else ""
            cells.append(number(figure.value if figure else None) + interval)
        found.setdefault(clean(item.key), []).append(
            {"value": clean(item.value), "samples": item.samples, "cells": cells}
        )
    return list(found.items())


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            value = _flat(value)
        found.append((clean(name.replace("_", " ")), clean("none" if value is None else value, 300)))
    return found


def _flat(facts: Mapping[str, Any]) -> str:
    words = (f"{name} = {value if isinstance(value, str) else json.dumps(value)}" for name, value in facts.items())
    return clean(", ".join(words), 600) or "none"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _amount(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:,.3g}"
