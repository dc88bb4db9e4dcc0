import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.rerankers.lora.completions import (
    Completion,
    by_key,
    completions_digest,
    first_groups,
    read_completions,
    split_completions,
    write_completions,
)
from foveate.rerankers.protocols import Message
from tests.rerankers.lora.making import completions

TALK = [{"role": "system", "text": "Be terse."}, {"role": "user", "text": "Where?"}]


def row(**changes: Any) -> str:
    body = {"messages": TALK, "reply": "here", "task": "read", "split": "dev"} | changes
    return json.dumps({key: value for key, value in body.items() if value is not ...})


def test_written_and_read(tmp_path: Path) -> None:
    made = completions()
    write_completions(tmp_path / "a.jsonl", made)
    assert read_completions(tmp_path / "a.jsonl") == made
    bare = [
        Completion(
            messages=(Message(role="user", text="é\ud83d\ude00".encode("utf-8", "replace").decode()),), reply="x"
        )
    ]
    write_completions(tmp_path / "b.jsonl", bare)
    assert read_completions(tmp_path / "b.jsonl") == bare and bare[0].task == "reply"


def test_rows_that_stand_twice(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"{row()}\n\n{row()}\n{row(reply='there')}\n{row(task='quote')}\n")
    assert [(item.reply, item.task) for item in read_completions(tmp_path / "a.jsonl")] == [
        ("here", "read"),
        ("there", "read"),
        ("here", "quote"),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        (row(anwser="x"), "unknown key 'anwser'; known: group, messages, reply, split, task"),
        (row(reply=...), "'reply' is missing"),
        (row(messages=...), "'messages' is missing"),
        (row(reply=" "), "'reply' is empty"),
        (row(reply=3), "'reply' is 3, not a string"),
        (row(task=""), "'task' is ''"),
        (row(task="two words"), "'task' is 'two words'"),
        (row(group=None), "'group' is None"),
        (row(split="test"), "'split' is 'test'; allowed: 'train', 'dev'"),
        (row(messages=[]), "'messages' is []"),
        (row(messages="hi"), "'messages' is 'hi'"),
        (row(messages=["hi"]), "message 1 is 'hi'"),
        (row(messages=[*TALK, {"role": "user"}]), "message 3 is"),
        (row(messages=[{"role": "user", "text": "x", "images": []}]), "message 1 is"),
        (row(messages=[{"role": "tool", "text": "x"}]), "message 1: 'role' is 'tool'; allowed: 'assistant', 'system'"),
        (row(messages=[{"role": "user", "text": None}]), "message 1: 'text' is None"),
        (row(messages=TALK[:1]), "the last of 'messages' has role 'system'"),
        ("x" * (2**20 + 1), "longer than"),
    ],
)
def test_bad_rows(tmp_path: Path, line: str, told: str) -> None:
    (tmp_path / "a.jsonl").write_text(f"{row()}\n{line}\n")
    with pytest.raises(CallerError) as caught:
        read_completions(tmp_path / "a.jsonl")
    assert told in str(caught.value) and "a.jsonl', line 2" in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no file of completions"):
        read_completions(tmp_path / "a.jsonl")
    for text, told in (
        ("\n", "holds no completions"),
        (f"{row()}\n{row(reply='x', split=...)}\n", "some have none"),
        (f"{row(group='g')}\n{row(reply='x', group='g', split='train')}\n", "group 'g' stands in both splits"),
        (f"{row()}\n{row(reply='x', split='train')}\n", "stands in both splits"),
    ):
        (tmp_path / "a.jsonl").write_text(text)
        with pytest.raises(CallerError, match=told):
            read_completions(tmp_path / "a.jsonl")


def test_digest_sees_everything() -> None:
    talk = (Message(role="system", text="a"), Message(role="user", text="b"))
    first = Completion(messages=talk, reply="x", task="t", group="g", split="dev")
    others = [
        Completion(messages=talk[1:], reply="x", task="t", group="g", split="dev"),
        Completion(messages=talk, reply="y", task="t", group="g", split="dev"),
        Completion(messages=talk, reply="x", task="u", group="g", split="dev"),
        Completion(messages=talk, reply="x", task="t", group="h", split="dev"),
        Completion(messages=talk, reply="x", task="t", group="g", split="train"),
    ]
    assert len({completions_digest([item]) for item in [first, *others]}) == 6
    assert completions_digest([first, others[0]]) != completions_digest([others[0], first])


@given(st.integers(2, 60), st.floats(0.2, 0.8), st.integers(1, 30))
def test_groups_are_whole(count: int, share: float, limit: int) -> None:
    made = [
        Completion(messages=(Message(role="user", text=f"{at}"),), reply="x", group=str(at // 3)) for at in range(count)
    ]
    try:
        train, dev = split_completions(made, share)
    except CallerError as error:
        assert "none is" in str(error)
        return
    assert sorted(map(hash, [*train, *dev])) == sorted(map(hash, made))
    assert not set(by_key(train)) & set(by_key(dev))
    more = [*made, Completion(messages=(Message(role="user", text="new"),), reply="x", group="new")]
    assert set(split_completions(more, share)[1]) >= set(dev)
    chosen = first_groups(made, limit)
    assert len(chosen) <= max(limit, 3) and first_groups(made, None) and len(first_groups(made, None)) == count
    for key, group in by_key(chosen).items():
        assert group == by_key(made)[key]


def test_named_splits_win() -> None:
    train, dev = split_completions(completions(), 0.999)
    assert {item.split for item in train} == {"train"} and {item.split for item in dev} == {"dev"}
    with pytest.raises(CallerError, match="none is held-out"):
        split_completions(train, 0.1)
