"""A judge over a finished run: calibrated first, and beside the run's own figures, never among them."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from foveate.errors import CallerError
from foveate.evals.journal import Journal
from foveate.evals.judge import Calibration, Judge, Labelled, calibrate, read_labelled
from foveate.evals.lines import output_from
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.report import read_run
from foveate.evals.samples import Output, Sample
from foveate.evals.stats import interval
from foveate.memory.durable import write_durably
from foveate.rerankers.protocols import ChatModel

__all__ = ["judge_run"]

Tell = Callable[[int, int], None]


def judge_run(run: Path, task: str, model: ChatModel, labels: Path, *, seed: int = 0, tell: Tell | None = None) -> Path:
    """Judge the answers of a task, and say how far the judge agrees with people.

    The labelled answers are judged first and a calibration (Platt) is fitted to them; then every answer of the task.
    A killed judging goes on where it was.

    Args:
        run: folder of a finished run.
        task: of the run, with accepted answers.
        model: who judges.
        labels: answers with people's labels; see :func:`~foveate.evals.judge.read_labelled`.
        seed: of the interval.
        tell: told (done, total).

    Returns:
        ``judge-TASK.json`` in the run's folder; the judgements are in ``judge-TASK.jsonl`` beside it.

    Raises:
        CallerError: no such task, or too few labels, or labels of one kind only.
        ModelError, ServiceError: the model fails; what was judged is kept.
    """
    if task not in read_run(run).tasks:
        raise CallerError(f"run {str(run)!r} has no task {task!r}; it has: {', '.join(read_run(run).tasks)}")
    labelled = read_labelled(labels)
    rows = [_row(row) for row in jsonl_rows(run / f"{task}.jsonl")]
    return asyncio.run(_judged(run, task, Judge(model), labelled, rows, seed, tell or (lambda done, total: None)))


def _row(row: Row) -> tuple[str, str, Sample, Output]:
    """Id, group, sample and output of a line; a sample that failed said nothing."""
    shown = row.row("sample")
    sample = Sample(
        id=row.get("id", str),
        text=shown.get("text", str, ""),
        answers=shown.texts("answers") if shown.data.get("answers") else (),
        images=shown.texts("images") if shown.data.get("images") else (),
        answerable=shown.find("answerable", bool),
    )
    output = output_from(row.get("output", dict)) if row.data.get("output") else Output()
    return sample.id, row.get("group", str), sample, output


async def _judged(
    run: Path,
    task: str,
    judge: Judge,
    labelled: Sequence[Labelled],
    rows: Sequence[tuple[str, str, Sample, Output]],
    seed: int,
    tell: Tell,
) -> Path:
    total = len(labelled) + len(rows)
    with Journal(run / "journal" / f"judge-{task}.jsonl") as journal:
        known = [(f"label-{i}", item.sample, item.output) for i, item in enumerate(labelled)]
        asked = [(f"sample-{name}", sample, output) for name, _, sample, output in rows]
        for done, (key, sample, output) in enumerate((*known, *asked), 1):
            if key not in journal.done:
                verdict = await judge.grade(sample, output)
                score = None if math.isnan(verdict.score) else verdict.score
                journal.add({"id": key, "score": score, "raw": verdict.raw})
            tell(done, total)
        found = dict(journal.done)
    scores = [_nan(found[key]["score"]) for key, _, _ in known]
    calibration = calibrate(scores, [item.right for item in labelled])
    raw = np.array([_nan(found[key]["score"]) for key, _, _ in asked])
    return _write(run, task, judge, calibration, rows, raw, [found[key]["raw"] for key, _, _ in asked], seed)


def _write(
    run: Path,
    task: str,
    judge: Judge,
    calibration: Calibration,
    rows: Sequence[tuple[str, str, Sample, Output]],
    raw: Any,
    said: Sequence[str],
    seed: int,
) -> Path:
    calibrated = calibration.apply(raw)
    lines = [
        {"id": name, "score": _none(score), "calibrated": _none(value), "raw": text}
        for (name, _, _, _), score, value, text in zip(rows, raw, calibrated, said, strict=True)
    ]
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
    write_durably(run / f"judge-{task}.jsonl", lambda stream: stream.write(text.encode()))
    figure = interval(calibrated[:, None], groups=[group for _, group, _, _ in rows], seed=seed)
    body = {
        "task": task,
        "judge": judge.model.name,
        "right": figure.to_dict(),
        "calibration": json.loads(calibration.to_json()),
        "note": "calibrated probability of being right; the interval does not hold the judge's own error",
    }
    path = run / f"judge-{task}.json"
    write_durably(path, lambda stream: stream.write((json.dumps(body, indent=1, sort_keys=True) + "\n").encode()))
    return path


def _nan(score: float | None) -> float:
    return math.nan if score is None else score


def _none(score: float) -> float | None:
    return None if math.isnan(score) else round(float(score), 6)
