"""The last line of every benchmark: one JSON object."""

import json
from typing import Any

__all__ = ["finish"]


def finish(
    name: str, value: float, unit: str, *, goal: float, baseline: float | None, higher: bool, **extra: Any
) -> None:
    """Print the line.

    Args:
        name: of the benchmark.
        value: the figure.
        unit: what it counts.
        goal: what it should reach.
        baseline: what it is compared with, in the same unit and run; None when there is nothing.
        higher: True when more is better.
        **extra: further facts; an ``ok`` among them overrides the comparison with the goal.
    """
    ok = extra.pop("ok", value >= goal if higher else value <= goal)
    line = {"name": name, "value": round(value, 4), "unit": unit, "goal": goal, "baseline": baseline, "ok": bool(ok)}
    print(json.dumps(line | extra))
