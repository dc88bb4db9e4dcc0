import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foveate.errors import CallerError
from foveate.evals.probes import cli
from foveate.evals.probes.table import PROBES
from tests.evals.probes.toys import NAMES, Palette, block


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in NAMES:
        block(name, (96, 96)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"A {name}.")
    monkeypatch.setattr(cli, "_encoder", lambda name: Palette(decay=0.5))
    return folder


def run(*args: object) -> str:
    result = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


MORE = {
    "association": ("--group", "warm=red", "--group", "cold=blue,cyan", "--label", "green=green"),
    "attributions": ("--grid", 2),
    "classes": ("--class", "red", "--harm", "blue"),
    "multi-object": ("--scenes", 6),
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_probe_runs_and_writes(name: str, pictures: Path, tmp_path: Path) -> None:
    if name == "attributions":
        for path in pictures.glob("*.txt"):
            path.write_text(f"some {path.stem}")
    out = tmp_path / "report.html"
    body = json.loads(run(name, "-p", pictures, "--json", "-o", out, *MORE.get(name, ())))
    assert (
        body["name"] == name
        and body["facts"]["seed" if "seed" in body["facts"] else next(iter(body["facts"]))] is not None
    )
    assert body["title"] in out.read_text()


def test_text_shows_facts_and_tables(pictures: Path) -> None:
    text = run("gap", "-p", pictures)
    assert "distance of means: " in text and "captions  1  0.000" in text


def test_a_run_instead_of_pictures(tmp_path: Path, pictures: Path) -> None:
    lines = tmp_path / "plain.jsonl"
    row = {"group": "red.png", "sample": {"text": "red"}, "scores": {"mrr": [1.0]}}
    lines.write_text(json.dumps(row) + "\n" + json.dumps(row | {"scores": {"mrr": [None]}}) + "\n")
    body = json.loads(run("correlates", "--run", lines, "--metric", "mrr", "--root", pictures, "--json"))
    assert body["facts"]["samples"] == 2 and body["facts"]["unscored"] == 1
    with pytest.raises(CallerError, match="--pictures, or"):
        run("correlates")


def test_bad_flags(pictures: Path) -> None:
    with pytest.raises(CallerError, match=r"--out must end in \.html or \.json"):
        run("gap", "-p", pictures, "-o", "x.pdf")
    with pytest.raises(CallerError, match="--group takes NAME=word,word, found 'men'"):
        run("association", "-p", pictures, "--group", "men", "--label", "a=b")
    with pytest.raises(CallerError, match="no folder or TSV"):
        run("gap", "-p", pictures / "absent")


def test_the_list_names_all() -> None:
    assert {row["name"] for row in json.loads(run("list", "--json"))} == set(PROBES)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_help_has_an_example(name: str) -> None:
    assert f"foveate eval probe {name}" in " ".join(run(name, "--help").split())
