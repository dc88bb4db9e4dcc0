"""Items weighed by the agent's own nodes; a run that was cut off goes on."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from foveate import Agent
from foveate.evals.unanswerable.gather import gather, read
from foveate.evals.unanswerable.prompted import cannot_tell, prompt
from foveate.rerankers.protocols import Message, Reply, TokenLogprob
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.settings import Settings
from foveate.usage import Usage

ENCODER = HashedEncoder()
QUESTION = "When does the harbour museum open?"


def item(name: str, options: Sequence[str] = (), choice: int | None = None, **values: Any) -> dict[str, Any]:
    base = {
        "id": name,
        "group": "museum",
        "pair": "museum",
        "form": "standard",
        "setting": "base",
        "source": "kb",
        "question": QUESTION,
        "options": list(options),
        "choice": choice,
        "answers": ["ten"],
        "picture": None,
        "answerable": True,
        "reason": "none",
    }
    return base | values


ITEMS = [
    item("standard", ["nine", "ten"], 1),
    item("aad", ["nine", "noon"], form="aad", answerable=False, reason="absent_object", answers=[]),
    item("open", form="open"),
    item("other", question="Who founded Rome?", form="no_evidence", answerable=False, reason="no_evidence", answers=[]),
]


@pytest.fixture
def reader() -> ScriptedChat:
    return ScriptedChat(lambda messages: "ten" if "opens at ten" in messages[-1].text else "none", name="reader")


@pytest.fixture
def agent(tmp_path: Path, reader: ScriptedChat) -> Any:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "museum.md").write_text("# Harbour museum\n\nThe harbour museum opens at ten. It is free.\n")
    with Agent.open(
        "c",
        settings=Settings.load(home=tmp_path / "home", decoders=0, judge="none"),
        encoder=ENCODER,
        model=ScriptedChat([]),
        reasoner=reader,
        reranker=SentenceReranker(ENCODER.encode_text, Weights(bias=-4.0)),
    ) as opened:
        opened.index(folder)
        yield opened


def test_items_are_weighed(agent: Agent, reader: ScriptedChat, tmp_path: Path) -> None:
    rows = gather(agent, ITEMS, tmp_path / "rows.jsonl")
    assert [row.outcome for row in rows] == ["right", "absent_object", "right", "no_evidence"]
    assert (rows[0].choice, rows[0].short, rows[0].signals["option_said"]) == (1, "ten", 1.0)
    assert rows[1].signals["option_said"] == 0.0 and "option_said" not in rows[2].signals
    assert rows[0].question == f"{QUESTION}\nA. nine\nB. ten" and "opens at ten" in rows[0].notes[0]
    # One look a question: options do not ask again.
    asked = [call for call in reader.calls if "opens at ten" in call.messages[-1].text]
    assert len({call.messages for call in asked}) == len(asked)


def test_a_run_goes_on(agent: Agent, reader: ScriptedChat, tmp_path: Path) -> None:
    out, told = tmp_path / "rows.jsonl", []
    first = gather(agent, ITEMS[:2], out)
    with out.open("a") as file:
        file.write('{"id": "op')  # cut off
    calls = len(reader.calls)
    assert gather(agent, ITEMS[:2], out) == first and len(reader.calls) == calls
    rows = gather(agent, ITEMS, out, progress=lambda done, total: told.append((done, total)))
    assert rows[:2] == first and told[-1] == (4, 4)
    assert [row.id for row in read(out)] == [one["id"] for one in ITEMS]


def test_the_generators_own_word(agent: Agent, tmp_path: Path) -> None:
    row = gather(agent, ITEMS[:1], tmp_path / "one.jsonl")[0]
    top = (("I", -0.5), (" I", -2.0), ("ten", -3.0))
    said = Reply(text="I", finish="length", usage=Usage(), logprobs=(TokenLogprob(token="I", logprob=-0.5, top=top),))
    found = asyncio.run(cannot_tell(ScriptedChat([said]), row))
    assert found == pytest.approx(0.6065307 + 0.1353353)


def test_the_prompt_holds_notes_and_options(agent: Agent, tmp_path: Path) -> None:
    messages: list[Message] = prompt(gather(agent, ITEMS[:1], tmp_path / "one.jsonl")[0])
    assert "opens at ten" in messages[1].text and "B. ten" in messages[1].text and "cannot tell" in messages[0].text
