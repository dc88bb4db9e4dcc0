"""How many samples would it take to see a difference? Answered from runs that are there."""

from pathlib import Path
from typing import Any

from foveate.errors import CallerError

__all__ = ["samples_needed"]


def samples_needed(run: Path, task: str, metric: str, difference: float, against: Path | None = None) -> dict[str, Any]:
    """Samples a paired comparison needs, at 80% power and 5% level.

    Args:
        run: folder of a finished run.
        task: in it.
        metric: of the task, with one value a sample.
        difference: to see, in the metric's unit.
        against: a second run of the same data, which tells how much the two differ sample by sample; without it the
            two are taken to be independent, which asks for more than needed.

    Raises:
        CallerError: no such task or metric, or one without a value a sample.
    """
    raise CallerError("not yet")
