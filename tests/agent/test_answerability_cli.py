import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foveate.agent.train_cli import app
from foveate.errors import CallerError
from foveate.retrievers.alignment.head import AlignmentHead
from foveate.retrievers.alignment.training import HEAD, OUT_OF_FOLD
from tests.retrievers.alignment.making import write_items


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["answerability", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_trains_and_tells(tmp_path: Path) -> None:
    flags = ("--data", write_items(tmp_path / "data"), "--encoder", "hashed", "--minutes", 1)
    body = json.loads(run(*flags, "--out", tmp_path / "a", "--json"))
    assert body["rows"] == 33 and body["head"] == str(tmp_path / "a")
    assert set(body["figures"]["head"]) == {"aad", "iasd", "all"} and body["encoder_name"] == "hashed"
    assert AlignmentHead.load(tmp_path / "a" / HEAD).encoder_name == "hashed"
    assert len((tmp_path / "a" / OUT_OF_FOLD).read_text().splitlines()) == 33
    text = run(*flags, "--out", tmp_path / "b")
    assert "33 rows before 11 pictures, 11 groups" in text and f"all {body['figures']['head']['all']:.3f}" in text
    assert (tmp_path / "a" / HEAD).read_bytes() == (tmp_path / "b" / HEAD).read_bytes()


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no file of questions"):
        run("--data", tmp_path / "none.jsonl", "--out", tmp_path / "a", "--encoder", "hashed")
