"""A judge over a finished run: calibrated, resumable, and nonsense stays unscored."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from foveate.errors import CallerError, ServiceError
from foveate.evals.judging import judge_run
from foveate.evals.runner import RunOptions, run_suite
from foveate.evals.suite import Suite
from foveate.rerankers.protocols import Message
from foveate.rerankers.scripted import Line, ScriptedChat
from foveate.settings import Settings


@pytest.fixture
def run(suite: Suite, settings: Settings, tmp_path: Path) -> Path:
    part = suite.model_copy(update={"tasks": suite.tasks[1:]})
    return run_suite(part, settings, RunOptions(out=tmp_path / "run", work=tmp_path / "work"))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Thirty answers: "yes ..." is right, "no ..." wrong, and people disagree with that on three."""
    path = tmp_path / "labels.jsonl"
    rows = [
        {
            "question": f"Is it {i}?",
            "answers": ["yes"],
            "answer": "yes it is" if i % 2 else "no way",
            "right": bool(i % 2) != (i < 3),
        }
        for i in range(30)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def verdict(messages: Sequence[Message]) -> Line:
    text = messages[-1].text
    if "Is it" in text:
        return "CORRECT" if "yes it is" in text else "INCORRECT"
    return "I would rather not say" if "ferry" in text.lower() else "CORRECT"


def test_a_run_is_judged(run: Path, labels: Path) -> None:
    before = (run / "answers.jsonl").read_bytes(), (run / "summary.json").read_bytes()
    told: list[tuple[int, int]] = []
    path = judge_run(run, "answers", ScriptedChat(verdict), labels, tell=lambda *state: told.append(state))
    body = json.loads(path.read_text())
    held = body["calibration"]
    assert (held["n"], held["unscored"]) == (30, 0)
    assert held["agreement"] == pytest.approx(27 / 30)
    lines = [json.loads(line) for line in (run / "judge-answers.jsonl").read_text().splitlines()]
    assert len(lines) == 6
    silent = [line for line in lines if line["score"] is None]
    assert silent and all(line["calibrated"] is None and line["raw"].startswith("I would") for line in silent)
    # Calibrated, a judge that is right nine times in ten is not believed without reserve.
    scored = [line["calibrated"] for line in lines if line["calibrated"] is not None]
    assert scored and all(0.5 < value < 0.95 for value in scored)
    assert body["right"]["unscored"] == len(silent) and body["right"]["value"] == pytest.approx(
        math.fsum(scored) / len(scored), abs=1e-6
    )
    assert told[-1] == (36, 36)
    assert ((run / "answers.jsonl").read_bytes(), (run / "summary.json").read_bytes()) == before


def test_judging_goes_on_where_it_was(run: Path, labels: Path) -> None:
    script = [verdict([Message(role="user", text="Is it yes it is")])] * 20
    with pytest.raises(ServiceError):
        judge_run(run, "answers", ScriptedChat([*script, ServiceError("away")]), labels)
    chat = ScriptedChat(verdict)
    judge_run(run, "answers", chat, labels)
    assert len(chat.calls) == 36 - 20


def test_what_cannot_be_judged(run: Path, labels: Path, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no task 'search'; it has: answers"):
        judge_run(run, "search", ScriptedChat(verdict), labels)
    few = tmp_path / "few.jsonl"
    few.write_text("".join(labels.read_text().splitlines(keepends=True)[:5]))
    with pytest.raises(CallerError, match="at least 20"):
        judge_run(run, "answers", ScriptedChat(verdict), few)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"question": "q", "answers": ["a"], "answer": "b", "right": "yes"}\n')
    with pytest.raises(CallerError, match=r"bad\.jsonl, line 1: field 'right' must be bool, found 'yes'"):
        judge_run(run, "answers", ScriptedChat(verdict), bad)


def test_a_judge_that_says_nothing_is_refused(run: Path, labels: Path) -> None:
    with pytest.raises(CallerError, match="found 0"):
        judge_run(run, "answers", ScriptedChat(lambda _: "who am I to judge"), labels)
