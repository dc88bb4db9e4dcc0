"""Made-up questions whose outcome shows in their signals, some of which are unknown."""

import numpy as np

from foveate.agent.answerability.combiner import OUTCOMES
from foveate.agent.answerability.fitting import Row

NAMES = ("gap", "relevance", "alignment", "coverage", "noise", "constant")


def made(count: int, *, seed: int = 0, outcomes: tuple[str, ...] = OUTCOMES, unknown: float = 0.15) -> list[Row]:
    """Rows in groups of four; signal k is higher by 2 where outcome k holds."""
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(count):
        kind = int(rng.integers(len(outcomes)))
        values = rng.normal(size=len(NAMES)) + 2.0 * (np.arange(len(NAMES)) == kind)
        values[-1] = 1.0
        signals = {name: float(value) for name, value in zip(NAMES, values, strict=True) if rng.random() >= unknown}
        rows.append(Row(signals=signals, outcome=outcomes[kind], group=f"concept {at // 4}", form=outcomes[kind]))
    return rows
