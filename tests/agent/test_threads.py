"""Threads: each question begins afresh, and what is kept of it is small."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foveate.agent.deps import Deps
from foveate.agent.graph import build_graph
from foveate.memory.threads import open_threads
from tests.agent.towns import (
    CHAIN,
    CHAIN_QUESTION,
    CHAIN_READS,
    Reasoner,
    ask,
    towns,
)


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[Deps]:
    with towns(tmp_path) as made:
        yield made


def thread(deps: Deps, path: Path, questions: Sequence[str]) -> list[dict[str, Any]]:
    """States of questions asked one after the other on one thread, each by a fresh process."""

    async def one(question: str) -> dict[str, Any]:
        saver = await open_threads(path)
        try:
            config: Any = {"configurable": {"thread_id": "t"}}
            graph = build_graph(saver)
            found = await graph.ainvoke({"question": question}, config, context=deps, durability="exit")  # type: ignore[call-overload]
            return dict(found)
        finally:
            await saver.conn.close()

    return [asyncio.run(one(question)) for question in questions]


def test_a_thread_begins_each_question_afresh(deps: Deps, tmp_path: Path) -> None:
    chat = Reasoner(CHAIN, CHAIN_READS | {"mayor of Suva": "Anna Kumar"})
    used = replace(deps, reasoner=chat)
    first, second = thread(used, tmp_path / "t.sqlite", [CHAIN_QUESTION, "Who is the mayor of Suva?"])
    alone = ask(used, "Who is the mayor of Suva?")
    assert set(first["answers"]) == {"1", "2"} and set(second["answers"]) == {"1"}
    assert second["searched"] == alone["searched"] == ["Who is the mayor of Suva?"]
    for key in ("evidence", "quotes", "answers", "citations", "text", "short", "verdict", "confidence", "route"):
        assert second[key] == alone[key], key
    assert [one["stage"] for one in second["trace"]] == [one["stage"] for one in alone["trace"]]
    assert second["usage"]["hops"] == 1 and second["usage"]["tokens_in"] == alone["usage"]["tokens_in"]
    assert set(second["usage"]["seconds"]) == set(alone["usage"]["seconds"])
    assert [turn["question"] for turn in second["turns"]] == [CHAIN_QUESTION, "Who is the mayor of Suva?"]


def test_state_is_json_and_small(deps: Deps, tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    states = thread(replace(deps, reasoner=Reasoner(CHAIN, CHAIN_READS)), path, [CHAIN_QUESTION] * 5)
    for state in states:
        assert json.loads(json.dumps(state, allow_nan=False)) == state
        assert len(json.dumps(state)) < 20_000
    assert sum(one.stat().st_size for one in tmp_path.glob("t.sqlite*")) < 400_000


def test_very_long_questions_leave_small_checkpoints(deps: Deps, tmp_path: Path) -> None:
    long = "Where does the road from Suva to the old harbour end after so many years? " + "so many words " * 1500
    states = thread(deps, tmp_path / "t.sqlite", [long] * 9)
    assert len(json.dumps(states[-1])) < 100_000
