"""A run folder read into records; docs/eval-format.md says what lies in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.report import rows as lines
from foveate.evals.report.figures import Figure, Slice, figures, slices
from foveate.evals.report.rows import SampleRow, sample_row

__all__ = ["Cost", "RunFolder", "TaskRows", "read_run"]

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one sample cost beside what its line says."""

    seconds: float | None
    """Wall seconds in all; None where the ledger does not say."""
    tokens_cached: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRows:
    """One task of a run."""

    name: str
    facts: Mapping[str, Any]
    """Its entry in run.json: dataset, options, data hash, licence, source."""
    rows: tuple[SampleRow, ...]
    errors: int
    """Samples that failed."""
    figures: Mapping[str, Figure]
    """Of all samples, by metric, in the suite's order."""
    slices: tuple[Slice, ...]
    costs: Mapping[str, Cost]
    """By sample id; a sample without a line in the ledger is absent."""

    def columns(self, metric: str) -> Columns:
        """(n, c) columns of one metric in the samples' order, NaN for what was not scored."""
        return lines.columns(self.rows, metric)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolder:
    """A finished run."""

    path: Path
    run: Mapping[str, Any]
    tasks: Mapping[str, TaskRows]
    """By name, in the suite's order."""
    summary: Mapping[str, Any]
    costs: Mapping[tuple[str, str], Cost]
    """By task and sample id; empty without a ledger."""

    @property
    def suite(self) -> str:
        """Name of the suite."""
        return str(self.run["suite"])

    @property
    def target(self) -> str:
        """Name of what was measured."""
        return str(self.run["target"]["name"])


def read_run(folder: Path) -> RunFolder:
    """Read a finished run.

    Raises:
        CallerError: no run folder, an unfinished one (says how to resume), another format, or a file that is not what
            docs/eval-format.md says; names file, line, field and value.
    """
    run = _head(folder)
    if not (folder / "summary.json").is_file():
        raise CallerError(
            f"run {str(folder)!r} is not finished: it has no summary.json; "
            f"to go on with it: foveate eval run {run.get('suite', str)} --out {folder}"
        )
    summary = _one(folder / "summary.json")
    costs = _costs(folder / "costs.jsonl")
    found = [_task(folder, facts, summary.row("tasks"), costs) for facts in run.rows("tasks")]
    return RunFolder(
        path=folder, run=run.data, tasks={task.name: task for task in found}, summary=summary.data, costs=costs
    )


def _head(folder: Path) -> Row:
    if not (folder / "run.json").is_file():
        raise CallerError(f"{str(folder)!r} is no run folder: it has no run.json")
    run = _one(folder / "run.json")
    if run.get("format", int) != FORMAT:
        raise run.bad("format", str(FORMAT), run.data["format"])
    run.get("suite", str)
    run.row("target").get("name", str)
    return run


def _one(path: Path) -> Row:
    """A file that holds one JSON object."""
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CallerError(f"{path.name}: no JSON: {error}") from None
    if not isinstance(body, dict):
        raise CallerError(f"{path.name}: a JSON object is expected, found {type(body).__name__}")
    return Row(body, path.name)


def _task(folder: Path, facts: Row, tasks: Row, costs: Mapping[tuple[str, str], Cost]) -> TaskRows:
    name = facts.get("name", str)
    summary = tasks.row(name)
    found = tuple(sample_row(row) for row in jsonl_rows(_inside(folder, facts, name)))
    if len(found) != summary.get("samples", int):
        raise CallerError(f"{name}.jsonl has {len(found)} samples, summary.json says {summary.data['samples']}")
    return TaskRows(
        name=name,
        facts=facts.data,
        rows=found,
        errors=summary.get("errors", int),
        figures=_ordered(figures(summary.row("metrics")), facts),
        slices=slices(summary),
        costs={row.id: costs[name, row.id] for row in found if (name, row.id) in costs},
    )


def _ordered(found: dict[str, Figure], facts: Row) -> dict[str, Figure]:
    """The suite's order: the first metric is the one that decides."""
    named = facts.texts("metrics") if facts.data.get("metrics") is not None else ()
    return {name: found[name] for name in dict.fromkeys((*named, *found)) if name in found}


def _inside(folder: Path, facts: Row, name: str) -> Path:
    """A task's file. Its name comes from a file: it must not lead out of the folder."""
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise facts.bad("name", "a name without slashes", name)
    return folder / f"{name}.jsonl"


def _costs(path: Path) -> dict[tuple[str, str], Cost]:
    """The ledger by task and sample; of a sample that ran twice (killed between), the last line stands."""
    if not path.is_file():
        return {}
    found = {}
    for row in jsonl_rows(path):
        seconds = row.row("seconds").find("total", float) if row.data.get("seconds") is not None else None
        cost = Cost(seconds=seconds, tokens_cached=row.find("tokens_cached", int))
        found[row.get("task", str), row.get("id", str)] = cost
    return found
