"""``foveate prompts``: what is printed is measured on real prompts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foveate.errors import CallerError, ModelError
from foveate.rerankers.layouts import layout, stages
from foveate.rerankers.local import LocalChat
from foveate.rerankers.prompts_cli import Encode, app, describe, reused_tokens
from foveate.rerankers.protocols import Message


def run(*args: str) -> str:
    result = CliRunner().invoke(app, list(args), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture(scope="module")
def encode(tiny_chat: LocalChat) -> Encode:
    return tiny_chat._loaded().prompt.encode


@pytest.mark.parametrize("stage", stages())
def test_tokens_by_hand(stage: str, encode: Encode) -> None:
    made = layout(stage)
    facts = describe(made, encode)
    assert [row["name"] for row in facts["modules"]] == [module.name for module in made.modules]
    empty = encode(made.messages(dict.fromkeys(made.fields, "")))
    # Frame of the template: the system turn, the user turn and the beginning of the assistant's.
    frame = encode([Message(role="system", text=""), Message(role="user", text="")])
    assert sum(row["tokens"] for row in facts["modules"]) == len(empty) - len(frame)
    counts = [row["tokens"] for row in facts["reusable"]]
    assert counts == sorted(counts) and counts[0] > facts["modules"][0]["tokens"]


def test_reused_tokens_are_what_prompts_share(encode: Encode) -> None:
    made = layout("rerank")
    count = reused_tokens(made, "question", encode)
    one = encode(made.messages({"question": "word", "candidate": "ships"}))
    other = encode(made.messages({"question": "word", "candidate": "9 lives"}))
    assert one[:count] == other[:count]
    assert reused_tokens(made, "stage", encode) < count < len(one)


def test_json(tiny_folder: Path) -> None:
    facts = json.loads(run("show", "rerank", "--model", str(tiny_folder), "--json"))
    assert facts["stage"] == "rerank"
    assert [row["shared_by"] for row in facts["modules"]] == ["stage", "question", "nothing"]
    assert facts["modules"][1]["fields"] == ["question"]
    assert [row["by"] for row in facts["reusable"]] == ["stage", "question"]
    assert all(row["tokens"] > 0 for row in [*facts["modules"], *facts["reusable"]])


def test_text(tiny_folder: Path) -> None:
    text = run("show", "answer", "--model", str(tiny_folder))
    assert "2 evidence (user, " in text and "shared by all prompts on the same evidence" in text
    assert "    Notes:\n    {notes}\n" in text
    assert "reusable by every prompt of the stage: instructions: " in text


def test_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_MODELS_DIR", str(tmp_path))
    facts = json.loads(run("show", "rerank", "--json"))
    assert facts["model"] is None
    # Unknown, not 0.
    assert {row["tokens"] for row in [*facts["modules"], *facts["reusable"]]} == {None}
    assert "(user), shared by all prompts of one question" in run("show", "rerank")


def test_stages() -> None:
    assert [row["stage"] for row in json.loads(run("list", "--json"))] == stages()


def test_faults(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="unknown stage 'dance'"):
        run("show", "dance")
    with pytest.raises(ModelError):
        run("show", "answer", "--model", str(tmp_path))
