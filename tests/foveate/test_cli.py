"""The command line: what it prints, its JSON, its exit statuses."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from foveate.cli import main
from foveate.console import visible
from foveate.memory.lock import ProcessLock
from foveate.rerankers.scripted import ScriptedChat

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    Image.new("RGB", (40, 30), "red").save(folder / "red.png")
    (folder / "red.txt").write_text("a red barn in winter")
    (folder / "museum.md").write_text("# Museum\n\nThe museum opens at ten. Entry is free for children.\n")
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("FOVEATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOVEATE_ENCODER", "hashed")
    monkeypatch.setenv("FOVEATE_DECODERS", "0")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("foveate.agent.sdk.generator_of", lambda _: ScriptedChat(lambda _: "The museum opens at ten."))

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["foveate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return call


def parsed(out: str) -> Any:
    return json.loads(out)


def test_index_search_ask_info_rm(run: Run, media: Path, tmp_path: Path) -> None:
    code, out, _ = run("index", media)
    assert code == 0 and "2 indexed" in out
    code, out, _ = run("search", "red barn", "-k", "1")
    assert code == 0 and "red.png" in out and "whole picture" in out
    code, out, _ = run("ask", "The museum opens at which hour?", "--trace", "--sheet", tmp_path / "sheet.html")
    assert code == 0 and "The museum opens at ten." in out and "museum.md" in out and '"stage": "plan"' in out
    sheet = (tmp_path / "sheet.html").read_text()
    assert "The museum opens at ten." in sheet and "http" not in sheet.replace("http-equiv", "")
    code, out, _ = run("info")
    assert code == 0 and "media image: 1" in out
    assert run("rm", media / "red.png")[0] == 0
    assert "media image" not in run("info")[1]
    assert run("rm", "--all", "--yes")[0] == 0
    assert run("info")[0] == 2


def test_json_everywhere(run: Run, media: Path) -> None:
    report = parsed(run("index", media, "--json")[1])
    assert report["indexed"] == 2 and report["skipped"] == []
    results = parsed(run("search", "red barn", "--json")[1])
    assert results[0]["path"].endswith("red.png") and "bm25" in results[0]["stages"]
    answer = parsed(run("ask", "The museum opens at which hour?", "--json", "--trace")[1])
    assert answer["verdict"] == "answered" and answer["citations"][0]["locator"]["type"] == "chars"
    assert answer["trace"][0]["stage"] == "plan"
    assert parsed(run("info", "--json")[1])["encoder"] == "hashed"
    assert isinstance(parsed(run("models", "list", "--json")[1]), list)
    assert isinstance(parsed(run("doctor", "--json")[1]), list)


def test_unanswerable(run: Run, media: Path) -> None:
    run("index", media)
    answer = parsed(run("ask", "Who won the chess championship of Atlantis?", "--json")[1])
    assert (answer["verdict"], answer["reason"], answer["citations"]) == ("unanswerable", "no_evidence", [])


def test_search_by_picture_and_exclusion(run: Run, media: Path) -> None:
    run("index", media)
    results = parsed(run("search", "--image", media / "red.png", "--not", "museum", "--json")[1])
    assert results[0]["path"].endswith("red.png")
    assert not any(item["path"].endswith("museum.md") for item in results)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["index", "/nowhere/at/all"], "/nowhere/at/all"),
        (["search", "x", "-c", "nothere"], "'nothere'"),
        (["ask", "x", "-c", "nothere"], "'nothere'"),
        (["ask", "x", "--image", "/no/such.png"], "/no/such.png"),
        (["search", "x", "--filter", "colour:red"], "colour"),
        (["search"], "words, a picture, or both"),
        (["ask", "   "], "question is empty"),
        (["index", ".", "-c", "../evil"], "'../evil'"),
        (["rm"], "--all"),
        (["models", "get", "nonesuch"], "'nonesuch'"),
    ],
)
def test_callers_mistakes_exit_2_and_name_the_field(run: Run, media: Path, arguments: list[str], named: str) -> None:
    run("index", media)
    code, out, err = run(*arguments)
    assert code == 2 and named in err.replace("\n", "") and out == ""
    code, out, _ = run(*arguments, "--json")
    assert code == 2 and named in parsed(out)["error"]["message"]


def test_usage_mistakes_exit_2(run: Run) -> None:
    assert run("search", "x", "-k", "0")[0] == 2
    assert run("fly")[0] == 2


def test_busy_and_corrupt_exit_5(run: Run, media: Path, tmp_path: Path) -> None:
    run("index", media)
    home = tmp_path / "home" / "home"
    with ProcessLock(home):
        assert run("info")[0] == 5
    (home / "ledger.sqlite").write_bytes(b"no database" * 1000)
    for path in home.glob("ledger.sqlite-*"):
        path.unlink()
    code, _, err = run("info")
    assert code == 5 and "ledger.sqlite" in err
    assert (media / "museum.md").exists()


def test_another_encoder_is_refused_by_name(run: Run, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from foveate.retrievers.encoders.hashed import HashedEncoder

    run("index", media)
    monkeypatch.setattr(HashedEncoder, "fingerprint", "hashed-2")
    code, _, err = run("search", "x")
    assert code == 2 and "hashed-1" in err and "hashed-2" in err


def test_bad_files_are_listed_and_the_run_succeeds(run: Run, media: Path) -> None:
    (media / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 50)
    (media / "evil\x1b[2J\u202e.txt").write_bytes(b"")
    code, out, _ = run("index", media)
    assert code == 0 and "cut.jpg" in out
    assert "\x1b[2J" not in out and "\u202e" not in out and "\\u001b" in out


def test_help_has_examples(run: Run) -> None:
    for command in ("index", "search", "ask", "rm"):
        code, out, _ = run(command, "--help")
        assert code == 0 and "Example" in out and f"foveate {command}" in out


def test_version(run: Run) -> None:
    assert run("--version")[1].startswith("foveate 0.")


def test_visible() -> None:
    assert visible("a\x1b[2J\u202eb\nc é 猫") == "a\\u001b[2J\\u202eb c é 猫"
