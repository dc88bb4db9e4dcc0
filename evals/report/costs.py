"""What a task cost: counts of the samples' lines, seconds and cached tokens of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foveate.evals.report.run import TaskRows

__all__ = ["CostLine", "cost_lines", "per_sample"]

_COUNTS = {
    "tokens_in": "tokens in",
    "tokens_cached": "of them cached",
    "tokens_out": "tokens out",
    "images_sent": "pictures sent",
    "frames_decoded": "frames decoded",
    "hops": "retrieval rounds",
}
_PLOTTED = {"seconds": "median seconds", "tokens": "tokens", "images_sent": "pictures sent", "frames_decoded": "frames"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CostLine:
    """One measure of cost over the samples that have it. None where none has."""

    name: str
    total: float | None
    p50: float | None
    """Median a sample."""
    p95: float | None
    known: int
    """Samples that say it."""


def cost_lines(task: TaskRows) -> tuple[CostLine, ...]:
    """Every measure of a task, seconds first."""
    return tuple(_line(title, _values(task, key)) for key, title in {"seconds": "seconds", **_COUNTS}.items())


def per_sample(task: TaskRows) -> dict[str, float]:
    """What a sample costs by measure, for plots: median seconds, else means. What nobody knows or cost is absent."""
    tokens = [a + b for a, b in zip(_values(task, "tokens_in"), _values(task, "tokens_out"), strict=False)]
    found = {}
    for key, title in _PLOTTED.items():
        values = tokens if key == "tokens" else _values(task, key)
        if values and max(values) > 0:
            found[title] = float(np.median(values) if key == "seconds" else np.mean(values))
    return found


def _line(name: str, values: Sequence[float]) -> CostLine:
    if not values:
        return CostLine(name=name, total=None, p50=None, p95=None, known=0)
    p50, p95 = np.percentile(values, (50, 95))
    return CostLine(name=name, total=float(sum(values)), p50=float(p50), p95=float(p95), known=len(values))


def _values(task: TaskRows, key: str) -> list[float]:
    """Of each sample that says it. A failed sample counts with its seconds, and has no counts."""
    if key == "seconds":
        return [cost.seconds for cost in task.costs.values() if cost.seconds is not None]
    if key == "tokens_cached":
        return [float(cost.tokens_cached) for cost in task.costs.values() if cost.tokens_cached is not None]
    return [row.said.usage[key] for row in task.rows if row.said is not None and key in row.said.usage]
