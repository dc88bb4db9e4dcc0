"""``foveate eval`` as people type it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from foveate.cli import app
from foveate.errors import CallerError
from foveate.evals.suite import Suite

Foveate = Callable[..., Result]


@pytest.fixture
def foveate(tmp_path: Path, chat: str, monkeypatch: pytest.MonkeyPatch) -> Foveate:
    for name, value in {"HOME": tmp_path / "home", "DECODERS": 0, "GENERATOR": chat, "ENCODER": "hashed"}.items():
        monkeypatch.setenv(f"FOVEATE_{name}", str(value))
    monkeypatch.setenv("FOVEATE_BUDGET__ANSWER_TOKENS", "8")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object, fails: bool = False) -> Result:
        result = CliRunner().invoke(app, ["eval", *map(str, arguments)])
        if not fails:
            assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def finished(foveate: Foveate, suite: Suite, tmp_path: Path) -> Path:
    """A run of the search task."""
    path = tmp_path / "suite.yaml"
    part = suite.model_copy(update={"tasks": suite.tasks[:1]})
    path.write_text(json.dumps(part.model_dump(mode="json")))
    foveate("run", path, "--out", tmp_path / "run", "--work", tmp_path / "work")
    return tmp_path / "run"


def test_a_run_prints_its_figures_and_writes_a_report(foveate: Foveate, finished: Path, tmp_path: Path) -> None:
    result = foveate("run", tmp_path / "suite.yaml", "--out", finished, "--work", tmp_path / "work")
    assert "search: 12 samples" in result.output and "hit@1" in result.output
    assert "report.html" in result.output
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert "museum" in page and (finished / "report.md").read_text().startswith("# ")
    body = json.loads(foveate("report", finished, "--json").stdout)
    assert body["tasks"]["search"]["samples"] == 12 and body["report"].endswith("report.html")


def test_flags_change_the_target(foveate: Foveate, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "encoder"
    refused = foveate("run", tmp_path / "suite.yaml", "--target", "encoder", "--out", out, fails=True)
    assert isinstance(refused.exception, CallerError) and "is a file or film" in str(refused.exception)
    foveate(
        "run", tmp_path / "suite.yaml", "--target", "retriever", "--limit", 4, "--seed", 3, "--out", out.with_name("r")
    )
    facts = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (facts["target"]["kind"], facts["limit"], facts["seed"]) == ("retriever", 4, 3)


def test_compare(foveate: Foveate, finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "reranked"
    foveate("run", tmp_path / "suite.yaml", "--target", "retriever", "--out", other, "--work", tmp_path / "work")
    result = foveate("compare", finished, other, "--fail-if-worse", "hit@1:0", "--out", tmp_path / "c.html")
    assert "hit@1" in result.output and "<svg" in (tmp_path / "c.html").read_text()
    body = json.loads(foveate("compare", finished, other, "--json").stdout)
    assert body["broken"] == []
    foveate("baseline", finished, "-o", tmp_path / "baseline.json")
    kept = json.loads((tmp_path / "baseline.json").read_text())
    assert json.loads(foveate("baseline", finished).stdout) == kept
    raised = json.loads((tmp_path / "baseline.json").read_text().replace('"value": 0.', '"value": 1.'))
    (tmp_path / "high.json").write_text(json.dumps(raise_all(raised)))
    worse = foveate("compare", tmp_path / "high.json", finished, "--fail-if-worse", "mrr@5:0.1", fails=True)
    assert worse.exit_code == 1 and "rule broken" in worse.output
    unknown = foveate("compare", finished, other, "--fail-if-worse", "ndcg@7:0.1", fails=True)
    assert isinstance(unknown.exception, CallerError) and "ndcg@7" in str(unknown.exception)


def raise_all(body: object) -> object:
    """Every figure of a baseline half a point higher than any run can reach."""
    if isinstance(body, dict):
        return {key: 1.5 if key in ("hit@1", "mrr@5") else raise_all(value) for key, value in body.items()}
    return body


def test_different_data_is_refused(foveate: Foveate, finished: Path, examples: Path, tmp_path: Path) -> None:
    path = examples / "questions_plain.jsonl"
    path.write_text(path.read_text().replace("Tell me of", "Speak of"))
    foveate("run", tmp_path / "suite.yaml", "--out", tmp_path / "other", "--work", tmp_path / "work")
    refused = foveate("compare", finished, tmp_path / "other", fails=True)
    assert isinstance(refused.exception, CallerError) and "data" in str(refused.exception)


def test_power(foveate: Foveate, finished: Path) -> None:
    said = foveate("power", finished, "--task", "search", "--metric", "hit@1", "--points", 5).output
    assert "5 points" in said and "samples" in said
    body = json.loads(foveate("power", finished, "--task", "search", "--metric", "mrr@5", "--json").stdout)
    assert body["difference"] == 0.02 and body["have"] == 12
    again = json.loads(
        foveate("power", finished, "--task", "search", "--metric", "mrr@5", "--against", finished, "--json").stdout
    )
    assert again["samples"] is None  # a run does not differ from itself
    for arguments in (("--task", "nothing", "--metric", "hit@1"), ("--task", "search", "--metric", "em")):
        refused = foveate("power", finished, *arguments, fails=True)
        assert isinstance(refused.exception, CallerError)
    refused = foveate("power", finished, "--task", "search", "--metric", "auroc", fails=True)
    assert "no value for each sample" in str(refused.exception)


def test_lists_and_instructions(foveate: Foveate) -> None:
    listed = json.loads(foveate("list", "--json").stdout)
    assert {"quick", "stamps"} <= set(listed["suites"]) and "cirr" in listed["datasets"]
    assert "few_shot" in foveate("list").output
    said = foveate("data", "winoground").output
    assert "licence" in said and "examples.jsonl" in said
    refused = foveate("fetch", "cirr", fails=True)
    assert isinstance(refused.exception, CallerError) and "foveate eval data cirr" in str(refused.exception)


def test_unfinished(foveate: Foveate, finished: Path) -> None:
    (finished / "summary.json").unlink()
    refused = foveate("report", finished, fails=True)
    assert isinstance(refused.exception, CallerError) and "eval run" in str(refused.exception)
