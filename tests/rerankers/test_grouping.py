"""Sharers run together: counted in cached tokens of a real model, and held to the tree of beginnings."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ServiceError
from foveate.rerankers.grouping import _common, _key, in_groups, leaders, running_order
from foveate.rerankers.layouts import layout
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import ImagePart, Message, Sampling


def said(text: str) -> tuple[Message, ...]:
    return (Message(role="user", text=text),)


texts = st.lists(st.text("ab", max_size=6), max_size=12)


@given(st.text("ab"), st.text("ab"))
def test_common(one: str, other: str) -> None:
    count = _common(one, other)
    assert one[:count] == other[:count]
    assert count == min(len(one), len(other)) or one[count] != other[count]


@given(texts, st.randoms())
def test_order_depends_on_the_prompts_alone(found: list[str], chance: st.DataObject) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = ([pool[at] for at in running_order([said(text) for text in pool])] for pool in (found, shuffled))
    assert one == other
    assert sorted(one) == sorted(found)


@given(texts)
def test_neighbours_share_most(found: list[str]) -> None:
    """No order of two shares more in total than sorted order: checked against every place a prompt could take."""
    keys = [_key(said(found[at])) for at in running_order([said(text) for text in found])]
    total = sum(_common(one, other) for one, other in pairwise(keys))
    for at in range(len(keys)):
        rest = keys[:at] + keys[at + 1 :]
        for place in range(len(keys)):
            moved = [*rest[:place], keys[at], *rest[place:]]
            assert sum(_common(one, other) for one, other in pairwise(moved)) <= total


@given(texts, st.integers(0, 8))
def test_leaders_by_definition(found: list[str], worth: int) -> None:
    prompts = [said(text) for text in found]
    prompts = [prompts[at] for at in running_order(prompts)]
    keys = [_key(prompt) for prompt in prompts]
    for at, leader in enumerate(leaders(prompts, worth_chars=worth)):
        best = max((_common(keys[at], keys[before]) for before in range(at)), default=0)
        if at == 0 or best < worth:
            assert leader is None
        else:
            assert leader == next(before for before in range(at) if _common(keys[at], keys[before]) == best)


def test_leaders_by_hand() -> None:
    """Two questions of one stage: each question's first prompt leads the others, the very first leads the second."""
    head = "instructions " * 4
    prompts = [said(head + text) for text in ("red kite? a", "red kite? b", "red kite? c", "where? a", "where? b")]
    assert leaders(prompts, worth_chars=20) == [None, 0, 0, 0, 3]
    assert leaders(prompts, worth_chars=len(_key(said(head))) + 3) == [None, 0, 0, None, 3]


def test_pictures_count() -> None:
    red, blue = (ImagePart(data=sign, mime="image/png") for sign in (b"red", b"blue"))
    prompts = [(Message(role="user", text="what?", images=(image,)),) for image in (red, blue, red)]
    order = running_order(prompts)
    assert abs(order.index(0) - order.index(2)) == 1


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    return next((at for at in range(min(len(one), len(other))) if one[at] != other[at]), min(len(one), len(other)))


def test_cached_tokens(tiny_folder: Path) -> None:
    """With one kept prompt, a prompt finds what it shares with the one before: little in turns, most in groups."""
    questions = [f"{name} sails the ships on the wide grey sea, and {name} does not" for name in ("who", "how", "why")]
    prompts = [
        layout("rerank").messages({"question": question, "candidate": str(number)})
        for number in range(4)
        for question in questions
    ]
    model = LocalChat(tiny_folder, cached_prompts=1)

    async def ask(prompt: Sequence[Message]) -> tuple[str, int]:
        reply = await model.chat(prompt, Sampling(max_tokens=1))
        return reply.text, reply.usage.tokens_cached

    async def in_turns() -> list[tuple[str, int]]:
        return [await ask(prompt) for prompt in prompts]

    try:
        apart, together = asyncio.run(in_turns()), asyncio.run(in_groups(prompts, ask))
        rows = list(map(model._loaded().prompt.encode, prompts))
    finally:
        model.close()
    assert [text for text, _ in apart] == [text for text, _ in together]

    def shares(order: Sequence[int]) -> list[int]:
        return [_shared(rows[one], rows[other][:-1]) for one, other in pairwise(order)]

    order = running_order(prompts)
    assert [count for _, count in apart] == [0, *shares(range(len(rows)))]
    assert [together[at][1] for at in order] == shares([len(rows) - 1, *order])
    assert sum(count for _, count in together) > 1.5 * sum(count for _, count in apart)


def test_results_come_in_the_callers_order_and_leaders_go_ahead() -> None:
    head = "h" * 500
    prompts = [said(text) for text in (f"{head}c", "alone", f"{head}a", f"{head}b", "other")]
    events: list[tuple[str, str]] = []

    async def ask(prompt: Sequence[Message]) -> str:
        name = prompt[0].text[-5:]
        events.append(("begin", name))
        await asyncio.sleep(0.01)
        events.append(("end", name))
        return name

    results = asyncio.run(in_groups(prompts, ask, at_once=3))
    assert results == [prompt[0].text[-5:] for prompt in prompts]
    # "hhhha" leads; its two followers begin after its end, the two that share nothing run beside it.
    assert {name for kind, name in events[:3] if kind == "begin"} == {"alone", "hhhha", "other"}
    assert events.index(("end", "hhhha")) < min(events.index(("begin", name)) for name in ("hhhhb", "hhhhc"))
    open_now, most = 0, 0
    for kind, _ in events:
        open_now += 1 if kind == "begin" else -1
        most = max(most, open_now)
    assert most == 3


def test_a_fault_ends_the_others() -> None:
    cancelled = []

    async def ask(prompt: Sequence[Message]) -> str:
        if prompt[0].text == "bad":
            raise ServiceError("down")
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cancelled.append(prompt[0].text)
            raise
        return ""

    with pytest.raises(ServiceError, match="down"):
        asyncio.run(in_groups([said("a"), said("bad"), said("c")], ask, at_once=3))
    assert cancelled == ["a", "c"]


def test_nothing_and_nonsense() -> None:
    async def ask(prompt: Sequence[Message]) -> str:
        return ""

    assert asyncio.run(in_groups([], ask)) == []
    with pytest.raises(CallerError, match="at_once is 0"):
        asyncio.run(in_groups([], ask, at_once=0))
