"""How many samples would it take to see a difference? Answered from runs that are there."""

from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.metrics.metric import mean
from foveate.evals.metrics.table import metric as metric_of
from foveate.evals.report import TaskRows, read_run
from foveate.evals.stats import Plan, plan

__all__ = ["samples_needed"]


def samples_needed(run: Path, task: str, metric: str, difference: float, against: Path | None = None) -> Plan:
    """Samples that a paired comparison needs, at 80% power and 5% level.

    Args:
        run: folder of a finished run.
        task: in it.
        metric: of the task, with one value a sample.
        difference: to see, in the metric's unit.
        against: a second run of the same data, which tells how much the two differ sample by sample; without it their
            scores are taken to be unrelated, the worst case.

    Raises:
        CallerError: no such task or metric, a metric without a value a sample, or runs of different samples.
    """
    if metric_of(metric).statistic is not mean:
        raise CallerError(f"metric {metric!r} has no value for each sample; power is known for means only")
    ours = _task(run, task, metric)
    groups = [row.group for row in ours.rows]
    if against is None:
        return plan(ours.columns(metric), None, groups, difference=difference)
    theirs = _task(against, task, metric)
    if [row.id for row in theirs.rows] != [row.id for row in ours.rows]:
        raise CallerError(f"task {task!r} of {str(run)!r} and {str(against)!r} holds different samples")
    return plan(ours.columns(metric), theirs.columns(metric), groups, difference=difference)


def _task(run: Path, task: str, metric: str) -> TaskRows:
    tasks = read_run(run).tasks
    if task not in tasks:
        raise CallerError(f"run {str(run)!r} has no task {task!r}; it has: {', '.join(tasks)}")
    if metric not in tasks[task].figures:
        raise CallerError(f"task {task!r} was not scored by {metric!r}; it has: {', '.join(tasks[task].figures)}")
    return tasks[task]
