"""From outputs to figures: columns a sample, statistics with intervals, whole and by slice."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from foveate.evals.metrics.metric import Columns, Context, Metric
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample
from foveate.evals.stats import interval

__all__ = ["columns", "figures", "merged"]

_UNSCORED = Output()


def columns(
    names: Sequence[str], samples: Sequence[Sample], outputs: Sequence[Output | None], context: Context
) -> dict[str, Columns]:
    """Metric -> (n, c) columns; a sample that failed has none, hence NaN."""
    found: dict[str, Columns] = {}
    failed = np.array([output is None for output in outputs], dtype=bool)
    whole = [output or _UNSCORED for output in outputs]
    for name in names:
        rows = metric(name).rows(samples, whole, context).astype(np.float64)
        rows[failed] = np.nan
        found[name] = rows
    return found


def figures(
    scored: Mapping[str, Columns],
    samples: Sequence[Sample],
    slices: Sequence[str],
    *,
    level: float,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """``metrics`` over all samples, and the same by each value of each slice."""
    everything = np.arange(len(samples))
    groups = [sample.group or sample.id for sample in samples]
    body: dict[str, Any] = {"metrics": _metrics(scored, groups, everything, level, draws, seed), "slices": {}}
    for key in slices:
        values = sorted({sample.slices[key] for sample in samples if key in sample.slices})
        body["slices"][key] = {
            value: {
                "samples": len(where),
                "metrics": _metrics(scored, groups, where, level, draws, seed),
            }
            for value in values
            if len(where := np.array([i for i, s in enumerate(samples) if s.slices.get(key) == value]))
        }
    return body


def _metrics(
    scored: Mapping[str, Columns], groups: Sequence[str], where: Any, level: float, draws: int, seed: int
) -> dict[str, Any]:
    chosen = [groups[i] for i in where]
    return {name: _figure(metric(name), rows[where], chosen, level, draws, seed) for name, rows in scored.items()}


def _figure(
    measured: Metric, rows: Columns, groups: Sequence[str], level: float, draws: int, seed: int
) -> dict[str, Any]:
    found = interval(rows, measured.statistic, groups, level=level, draws=draws, seed=seed, bounds=measured.bounds)
    return {
        "value": _number(found.value),
        "low": _number(found.low),
        "high": _number(found.high),
        "level": level,
        "scored": found.scored,
        "unscored": found.unscored,
        "clusters": found.clusters,
        "better": measured.better,
        "method": found.method,
    }


def merged(scored: Mapping[str, Columns], row: int) -> dict[str, list[float | None]]:
    """One sample's columns by metric, as JSON."""
    return {name: [_number(value) for value in rows[row]] for name, rows in scored.items()}


def _number(value: float) -> float | None:
    return round(float(value), 9) + 0.0 if math.isfinite(value) else None
