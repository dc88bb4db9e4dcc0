import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from foveate.agent import train_cli
from foveate.agent.sdk import Agent
from foveate.agent.train_cli import app
from foveate.agent.training import FromCollection, collection_pairs
from foveate.errors import CallerError
from foveate.rerankers.lora.adapters import WEIGHTS, check_adapter
from foveate.rerankers.lora.completions import write_completions
from foveate.rerankers.lora.mining import Mining
from foveate.rerankers.lora.pairs import by_group, read_pairs, write_pairs
from foveate.rerankers.lora.training import CHECKPOINT
from foveate.settings import Settings
from tests.rerankers.lora.making import completions, pairs
from tests.rerankers.tiny import build

COLOURS = {"red": (230, 20, 20), "green": (20, 200, 30), "blue": (20, 20, 230), "yellow": (250, 240, 30)}
RUN = [sys.executable, "-c", "from foveate.agent.train_cli import app; app()"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of captioned pictures and passages, indexed for real."""
    folder = tmp_path_factory.mktemp("files")
    for name, colour in COLOURS.items():
        for side in (30, 60):
            Image.new("RGB", (side, side), colour).save(folder / f"{name}{side}.png")
            (folder / f"{name}{side}.txt").write_text(f"A {name} square of {side} pixels")
    for subject in ("museum", "harbour", "bakery"):
        (folder / f"{subject}.md").write_text(
            f"The {subject} opens at ten every day. It was founded in 1931 by two sisters. Entry is free on Monday.\n"
        )
    place = tmp_path_factory.mktemp("home")
    with Agent.open("home", settings=Settings.load(home=place, encoder="hashed")) as agent:
        agent.index([folder])
    return place


def run(*arguments: object, command: str = "reranker") -> tuple[int, str]:
    done = CliRunner().invoke(app, [command, *map(str, arguments)], catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_pairs_of_a_collection(home: Path) -> None:
    settings = Settings.load(home=home, encoder="hashed")
    found = collection_pairs(settings, "home", FromCollection(mining=Mining(hard=3, easy=1)))
    groups = by_group(found)
    assert any("square" in pair.question for pair in found) and any("opens at ten" in pair.question for pair in found)
    for group in groups.values():
        match, *others = group
        assert match.label and others and not any(pair.label for pair in others)
        assert match.question not in match.candidate
        for pair in others:
            assert pair.candidate != match.candidate
    picture = next(group[0] for group in groups.values() if group[0].question.startswith("A red square"))
    assert picture.candidate.startswith("perhaps red")  # the words a reranker is shown, and no others
    assert collection_pairs(settings, "home", FromCollection(mining=Mining(hard=3, easy=1))) == found


def test_limited_and_seen(home: Path) -> None:
    settings = Settings.load(home=home, encoder="hashed")
    few = collection_pairs(settings, "home", FromCollection(questions=3))
    assert len(by_group(few)) <= 3
    seen = collection_pairs(settings, "home", FromCollection(sees=True))
    assert any(pair.images and pair.images[0].is_file() for pair in seen)
    told = collection_pairs(settings, "home", FromCollection(), describe=lambda chunk: f"told of {chunk.id}")
    assert any(pair.candidate.startswith("told of ") for pair in told)


def test_nothing_to_ask(tmp_path: Path) -> None:
    Image.new("RGB", (30, 30), (9, 9, 9)).save(tmp_path / "bare.png")
    settings = Settings.load(home=tmp_path / "home", encoder="hashed")
    with Agent.open("bare", settings=settings) as agent:
        agent.index([tmp_path / "bare.png"])
    with pytest.raises(CallerError, match="nothing in collection 'bare' makes a question"):
        collection_pairs(settings, "bare", FromCollection())


def test_trains_from_a_file(base: Path, tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.jsonl", pairs())
    (tmp_path / "recipe.toml").write_text("rank = 4\nepochs = 3\nmax_steps = 3\nlearning_rate = 0.01\n")
    flags = ("--data", tmp_path / "pairs.jsonl", "--base", base, "--recipe", tmp_path / "recipe.toml")
    status, text = run(*flags, "--out", tmp_path / "a", "--json")
    body = json.loads(text)
    assert status == 0 and body["steps"] == 3 and body["adapter"] == str(tmp_path / "a")
    assert check_adapter(tmp_path / "a", base).rank == 4
    status, text = run(*flags, "--out", tmp_path / "a")
    assert status == 0 and "3 steps" in text and "loss" in text and "->" in text


def test_trains_on_replies(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_completions(tmp_path / "replies.jsonl", completions())
    (tmp_path / "recipe.toml").write_text("rank = 4\nepochs = 9\nmax_steps = 3\nanchor = 0.01\n[weights]\nread = 2.0\n")
    flags = ("--data", tmp_path / "replies.jsonl", "--base", base, "--recipe", tmp_path / "recipe.toml")
    status, text = run(*flags, "--out", tmp_path / "a", "--json", command="reasoner")
    body = json.loads(text)
    assert status == 0 and body["kind"] == "reasoner" and set(body["after"]["tasks"]) == {"quote", "read"}
    assert check_adapter(tmp_path / "a", base).rank == 4
    status, text = run(*flags, "--out", tmp_path / "a", "--minutes", 5, command="reasoner")
    assert status == 0 and "3 steps" in text and "exact" in text and "tokens/s" in text
    monkeypatch.setattr(train_cli, "_LINE_EVERY_S", 0.0)
    done = CliRunner().invoke(app, ["reasoner", *map(str, flags), "--out", str(tmp_path / "a"), "--fresh"])
    assert done.exit_code == 0 and "step 2  loss" in done.stderr and "tokens/s" in done.stderr
    with pytest.raises(CallerError, match="no file of completions"):
        run("--data", tmp_path / "none.jsonl", "--out", tmp_path / "b", command="reasoner")
    with pytest.raises(CallerError, match="unknown key 'messages'"):
        run("--data", tmp_path / "replies.jsonl", "--base", base, "--out", tmp_path / "b")


def test_trains_from_a_collection(base: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("max_steps = 2\nheld_out = 0.4\n")
    flags = ("--collection", "home", "--home", home, "--base", base, "--recipe", tmp_path / "recipe.toml")
    status, text = run(*flags, "--out", tmp_path / "a", "--save-pairs", tmp_path / "mined.jsonl", "--json")
    assert status == 0
    body = json.loads(text)
    assert len(read_pairs(tmp_path / "mined.jsonl")) == body["train"]["pairs"] + body["held_out"]["pairs"]
    assert body["train"]["matches"] + body["held_out"]["matches"] == len(by_group(read_pairs(tmp_path / "mined.jsonl")))


def test_refusals(base: Path, home: Path, tmp_path: Path) -> None:
    for flags, told in (
        ((), "either --data"),
        (("--data", "x", "--collection", "y"), "either --data"),
        (("--data", tmp_path / "none.jsonl", "--base", base), "no file of pairs"),
        (("--data", "x", "--questions", "4"), "--questions goes with --collection"),
        (("--collection", "nowhere", "--home", home, "--base", base), "no collection 'nowhere'"),
    ):
        with pytest.raises(CallerError, match=told):
            run(*flags, "--out", tmp_path / "a")


def test_interrupted(base: Path, tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.jsonl", pairs())
    (tmp_path / "recipe.toml").write_text("epochs = 1000\neval_every = 2\npatience = 9999\nlearning_rate = 1e-5\n")
    command = [*RUN, "reranker", "--data", tmp_path / "pairs.jsonl", "--base", base, "--out", tmp_path / "a"]
    # Some shells start their children with interrupts ignored, which a process inherits.
    wakes = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    process = subprocess.Popen(
        [*map(str, command), "--recipe", str(tmp_path / "recipe.toml")],
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        **wakes,  # type: ignore[call-overload]
    )
    until = time.monotonic() + 120
    while not (tmp_path / "a" / CHECKPOINT).exists() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and b"the same command goes on" in told
    assert (tmp_path / "a" / CHECKPOINT).exists() and not (tmp_path / "a" / WEIGHTS).exists()


def test_help() -> None:
    done = CliRunner().invoke(app, ["reranker", "--help"])
    assert done.exit_code == 0 and "foveate train reranker" in done.stdout
