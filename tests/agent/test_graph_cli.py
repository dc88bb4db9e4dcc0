"""``foveate graph`` on a collection that was indexed for real."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foveate.agent.graph_cli import FOLDER, app
from foveate.agent.sdk import Agent
from foveate.errors import CallerError, EncoderMismatch
from foveate.settings import Settings

PAGES = {
    "suva": "# Suva\n\nSuva is the capital of Fiji. It lies on the coast.\n",
    "fiji": "# Fiji\n\nFiji pays with the Fijian dollar. It has many islands.\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / f"{name}.md").write_text(text)
    return folder


@pytest.fixture
def home(tmp_path: Path, files: Path) -> Path:
    place = tmp_path / "home"
    with Agent.open("home", settings=Settings.load(home=place, encoder="hashed")) as agent:
        agent.index([files])
    return place


def run(*arguments: object) -> dict[str, object]:
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=True)
    if done.exception:
        raise done.exception
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def test_build_info_and_update(home: Path, files: Path) -> None:
    built = run("build", "--home", home, "--json")
    assert built["chunks"] == 2 and built["edges"] == 1
    assert (home / "home" / FOLDER / "graph.json").is_file()
    told = run("info", "--home", home, "--json")
    assert (told["fits"], told["chunks_not_in_it"], told["chunks_gone"]) == (True, 0, 0)
    (files / "nadi.md").write_text("# Nadi\n\nNadi is a town of Fiji.\n")
    with Agent.open("home", settings=Settings.load(home=home, encoder="hashed")) as agent:
        agent.index([files])
    told = run("info", "--home", home, "--json")
    assert (told["fits"], told["chunks_not_in_it"]) == (False, 1)
    assert run("build", "--home", home, "--json")["chunks"] == 3
    assert run("info", "--home", home, "--json")["fits"] is True
    assert run("build", "--home", home, "--fresh", "--json")["chunks"] == 3


def test_no_graph_yet(home: Path) -> None:
    with pytest.raises(CallerError, match="foveate graph build"):
        run("info", "--home", home, "--json")


def test_a_damaged_graph_is_made_anew(home: Path) -> None:
    run("build", "--home", home, "--json")
    (home / "home" / FOLDER / "graph.json").write_text("{")
    assert run("build", "--home", home, "--json")["chunks"] == 2


def test_no_collection(home: Path) -> None:
    with pytest.raises(CallerError, match="no collection 'other'"):
        run("build", "--home", home, "-c", "other")


def test_a_model_that_asks_must_be_named(home: Path) -> None:
    with pytest.raises(CallerError, match="needs a reasoner"):
        run("build", "--home", home, "--asker", "model", "--reasoner", "none", "--json")


def test_another_encoder_of_the_same_name(home: Path) -> None:
    manifest = home / "home" / "collection.json"
    manifest.write_text(manifest.read_text().replace('"hashed-1"', '"hashed-0"'))
    with pytest.raises(EncoderMismatch):
        run("build", "--home", home, "--json")
