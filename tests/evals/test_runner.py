"""Runs: complete, resumable to the byte, and stopped by nothing that one sample does."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError, CollectionBusy, ServiceError
from foveate.evals import runner
from foveate.evals.runner import RunOptions, RunProgress, run_suite
from foveate.evals.samples import Output, Sample
from foveate.evals.suite import Suite, TargetSpec, read_suite
from foveate.evals.tasks import table as tasks
from foveate.evals.tasks.running import Asked
from foveate.memory.lock import ProcessLock
from foveate.settings import Settings
from tests.evals.agent_server import serving
from tests.evals.conftest import FACTS


def options(tmp_path: Path, name: str = "run", **more: Any) -> RunOptions:
    return RunOptions(out=tmp_path / name, work=tmp_path / "work", **more)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that must be the same in every run."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json*")) if path.name != "costs.jsonl"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_whole_run(suite: Suite, settings: Settings, tmp_path: Path) -> None:
    told: list[RunProgress] = []
    out = run_suite(suite, settings, options(tmp_path, tell=told.append))
    assert sorted(path.name for path in out.iterdir()) == [
        ".lock", "answers.jsonl", "costs.jsonl", "run.json", "search.jsonl", "summary.json"
    ]  # fmt: skip
    summary = json.loads((out / "summary.json").read_text())
    search = summary["tasks"]["search"]
    rows = lines(out / "search.jsonl")
    assert search["samples"] == 12 and search["errors"] == 0
    hits = [row["scores"]["hit@1"][0] for row in rows]
    assert search["metrics"]["hit@1"]["value"] == pytest.approx(sum(hits) / 12)
    assert search["metrics"]["hit@1"]["low"] < search["metrics"]["hit@1"]["value"]
    assert set(search["slices"]["modality"]) == {"text", "words"}
    assert search["slices"]["modality"]["words"]["metrics"]["hit@1"]["value"] == 1.0
    assert rows[0]["output"]["ranking"][0][0] == "documents/museum.txt"
    answers = lines(out / "answers.jsonl")
    assert len(answers) == 6 and all(row["output"]["usage"]["tokens_out"] > 0 for row in answers)
    assert summary["tasks"]["answers"]["usage"]["tokens_out"] == sum(
        row["output"]["usage"]["tokens_out"] for row in answers
    )
    assert [(p.task, p.done, p.total) for p in told if p.done == p.total] == [("search", 12, 12), ("answers", 6, 6)]
    costs = lines(out / "costs.jsonl")
    assert [(row["task"], row["id"]) for row in costs[:2]] == [("search", "museum-0"), ("search", "museum-1")]
    assert all(row["seconds"]["total"] > 0 for row in costs)
    facts = json.loads((out / "run.json").read_text())
    assert facts["target"]["encoder_fingerprint"] == "hashed-1" and len(facts["tasks"][0]["data_sha256"]) == 64


def test_the_same_bytes_twice_and_a_finished_run_is_left_alone(
    suite: Suite, settings: Settings, tmp_path: Path
) -> None:
    first = run_suite(suite, settings, options(tmp_path, "one"))
    second = run_suite(suite, settings, replace(options(tmp_path, "two"), work=tmp_path / "other", concurrency=3))
    assert contents(first) == contents(second)
    before = {path: path.stat().st_mtime_ns for path in first.glob("[!.]*")}
    run_suite(suite, settings, options(tmp_path, "one"))
    assert {path: path.stat().st_mtime_ns for path in first.glob("[!.]*")} == before


def test_another_run_in_the_folder_is_refused(suite: Suite, settings: Settings, examples: Path, tmp_path: Path) -> None:
    run_suite(suite, settings, options(tmp_path))
    with pytest.raises(CallerError, match="holds another run: seed differ"):
        run_suite(suite, settings, options(tmp_path, seed=7))
    with pytest.raises(CallerError, match="limit"):
        run_suite(suite, settings, options(tmp_path, limit=3))
    (examples / "sample" / "documents" / "kite.txt").write_text("Another text altogether.")
    with pytest.raises(CallerError, match="tasks differ"):
        run_suite(suite, settings, options(tmp_path))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(CallerError, match="not empty"):
        run_suite(suite, settings, options(tmp_path, "full"))


def test_two_processes_do_not_write_one_run(suite: Suite, settings: Settings, tmp_path: Path) -> None:
    with ProcessLock(tmp_path / "run", ".lock"), pytest.raises(CollectionBusy, match="run"):
        run_suite(suite, settings, options(tmp_path))
    run_suite(suite, settings, options(tmp_path))


def test_limits_are_drawn_by_seed(suite: Suite, settings: Settings, tmp_path: Path) -> None:
    def ids(name: str, seed: int) -> list[str]:
        out = run_suite(suite, settings, options(tmp_path, name, limit=5, seed=seed))
        return [row["id"] for row in lines(out / "search.jsonl")]

    first, second = ids("a", 1), ids("b", 2)
    assert len(first) == len(second) == 5 and first != second
    everything = [f"{name}-{number}" for name in FACTS for number in range(2)]
    assert first == [name for name in everything if name in first]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Exception]]:
    """Samples that fail, by id."""
    faults: dict[str, Exception] = {}
    inner = tasks.TASKS["retrieval"].run

    async def run(sample: Sample, asked: Asked) -> Output:
        await asyncio.sleep(0)
        if sample.id in faults:
            raise faults[sample.id]
        return await inner(sample, asked)

    monkeypatch.setitem(tasks.TASKS, "retrieval", replace(tasks.TASKS["retrieval"], run=run))
    yield faults


def test_one_failure_ends_nothing_and_is_no_zero(
    suite: Suite, settings: Settings, tmp_path: Path, failing: dict[str, Exception]
) -> None:
    failing |= {"museum-0": ServiceError("the store is gone"), "kite-0": ZeroDivisionError("a bug")}
    out = run_suite(suite, settings, options(tmp_path))
    rows = {row["id"]: row for row in lines(out / "search.jsonl")}
    assert rows["museum-0"]["error"] == {"type": "ServiceError", "message": "the store is gone"}
    assert rows["kite-0"]["error"]["type"] == "ZeroDivisionError"
    assert rows["museum-0"]["scores"]["hit@1"] == [None] and rows["museum-0"]["output"] is None
    found = json.loads((out / "summary.json").read_text())["tasks"]["search"]
    hit = found["metrics"]["hit@1"]
    assert (found["errors"], hit["scored"], hit["unscored"]) == (2, 10, 2)
    good = [row["scores"]["hit@1"][0] for row in rows.values() if row["error"] is None]
    assert hit["value"] == pytest.approx(sum(good) / 10)
    # Failures stay what they are until somebody asks for another try.
    failing.clear()
    run_suite(suite, settings, options(tmp_path))
    assert json.loads((out / "summary.json").read_text())["tasks"]["search"]["errors"] == 2
    run_suite(suite, settings, options(tmp_path, retry_errors=True))
    again = json.loads((out / "summary.json").read_text())["tasks"]["search"]
    assert (again["errors"], again["metrics"]["hit@1"]["unscored"]) == (0, 0)
    assert contents(out) == contents(run_suite(suite, settings, options(tmp_path, "clean")))


def test_all_failed_is_unscored(
    suite: Suite, settings: Settings, tmp_path: Path, failing: dict[str, Exception]
) -> None:
    failing |= {f"{name}-{number}": ServiceError("away") for name in FACTS for number in range(2)}
    out = run_suite(suite, settings, options(tmp_path))
    hit = json.loads((out / "summary.json").read_text())["tasks"]["search"]["metrics"]["hit@1"]
    assert (hit["value"], hit["low"], hit["scored"], hit["unscored"]) == (None, None, 0, 12)


def test_a_task_that_the_target_cannot_do(suite: Suite, settings: Settings, tmp_path: Path) -> None:
    wrong = suite.model_copy(update={"target": TargetSpec(kind="encoder", encoder="hashed")})
    with pytest.raises(CallerError, match="'question_answering' needs a target that can 'ask'"):
        run_suite(wrong, settings, options(tmp_path))
    assert not (tmp_path / "run").exists()


def test_bad_data_is_refused_before_anything_runs(
    suite: Suite, settings: Settings, examples: Path, tmp_path: Path
) -> None:
    good = (examples / "questions_plain.jsonl").read_text()
    for text, message in (
        ("", "no sample that can be used"),
        (good + good, "two samples have the id"),
        (good.replace('"question": "', '"question": 7, "q": "', 1), "line 1: field 'question' must be str, found 7"),
    ):
        (examples / "questions_plain.jsonl").write_text(text)
        (examples / "answers.jsonl").write_text("")
        part = suite.model_copy(update={"tasks": suite.tasks[:1]})
        with pytest.raises(CallerError, match=message):
            run_suite(part, settings, options(tmp_path))
    missing = suite.tasks[0].model_copy(update={"folder": "nowhere"})
    with pytest.raises(CallerError, match=r"no folder 'nowhere'\. It is the folder"):
        run_suite(suite.model_copy(update={"tasks": (missing,)}), settings, options(tmp_path))
    sliced = suite.tasks[0].model_copy(update={"slices": ("colour",)})
    (examples / "questions_plain.jsonl").write_text(good)
    with pytest.raises(CallerError, match="no sample has the slice 'colour'; there are: modality"):
        run_suite(suite.model_copy(update={"tasks": (sliced,)}), settings, options(tmp_path))


def test_agent_and_endpoint_agree_sample_by_sample(suite: Suite, settings: Settings, tmp_path: Path) -> None:
    asked = suite.model_copy(update={"tasks": suite.tasks[1:]})
    inside = run_suite(asked, settings, options(tmp_path, "inside"))
    data = runner.read_dataset("sample", asked.tasks[0].folder, Path(), asked.tasks[0].options)
    target = runner.open_target("agent", settings)
    asyncio.run(target.prepare(data, tmp_path / "served"))
    with serving(target.agent) as url:  # type: ignore[attr-defined]
        there = asked.model_copy(update={"target": TargetSpec(kind="endpoint")})
        remote = settings.model_copy(update={"generator": f"openai:foveate/documents@{url}"})
        outside = run_suite(there, remote, options(tmp_path, "outside"))
    asyncio.run(target.close())
    ours, theirs = lines(inside / "answers.jsonl"), lines(outside / "answers.jsonl")
    assert len(ours) == 6
    for one, other in zip(ours, theirs, strict=True):
        for key in ("text", "verdict", "reason", "cited", "evidence", "usage"):
            assert one["output"][key] == other["output"][key], (one["id"], key)
        assert one["output"]["confidence"] == pytest.approx(other["output"]["confidence"], abs=1e-4)
        assert one["scores"]["contains"] == other["scores"]["contains"]
        assert one["scores"]["citation_recall"] == other["scores"]["citation_recall"]


def test_kill_and_resume_give_the_same_bytes(suite: Suite, chat: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(json.dumps(suite.model_dump(mode="json")))  # JSON is YAML
    assert read_suite(str(path))[0] == suite
    environment = {
        **os.environ,
        "FOVEATE_HOME": str(tmp_path / "home"),
        "FOVEATE_DECODERS": "0",
        "FOVEATE_BUDGET__ANSWER_TOKENS": "8",
    }

    def start(name: str, work: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "foveate", "eval", "run", str(path), "--encoder", "hashed", "--model", chat]
        command += ["--out", str(tmp_path / name), "--work", str(tmp_path / work), "--json"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    whole = start("whole", "work-a")
    out, err = whole.communicate(timeout=120)
    assert whole.returncode == 0, err
    assert json.loads(out)["complete"] is True
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print("seed", seed)
    killed = 0
    for wanted in sorted(rng.sample(range(1, 18), 3)):
        child = start("killed", "work-b")
        deadline = time.monotonic() + 100
        while child.poll() is None and time.monotonic() < deadline:
            if sum(journal.read_bytes().count(b"\n") for journal in journals(tmp_path / "killed")) >= wanted:
                os.kill(child.pid, signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.002)
        child.communicate()
        assert not (tmp_path / "killed" / "summary.json").exists() or child.returncode == 0
    assert killed >= 1
    last = start("killed", "work-b")
    _, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert not (tmp_path / "killed" / "journal").exists()


def journals(folder: Path) -> list[Path]:
    return list((folder / "journal").glob("*.jsonl")) if (folder / "journal").exists() else []
