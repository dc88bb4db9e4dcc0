import random
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import CallerError, ServiceError
from foveate.ids import digest
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.listwise import ListwiseReranker
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import Message
from foveate.rerankers.scripted import ScriptedChat
from tests.contracts.reranker import RerankerContract, rerank, result
from tests.rerankers.comparing import lines_of, present, served, sorter
from tests.rerankers.wire_server import Fault, serving


def pool_of(count: int) -> list[Any]:
    """The first stage has them in the order of their numbers; the higher the number, the better in truth."""
    return [result(str(n), f"{n}", score=1.0 - n / count) for n in range(count)]


def order(reranker: ListwiseReranker, pool: Sequence[Any]) -> list[int]:
    numbers = {one.chunk.id: int(one.chunk.text) for one in pool}
    return [numbers[hit.chunk_id] for hit in rerank(reranker, "q", pool)]


def echo(messages: Sequence[Message]) -> str:
    return " > ".join(f"[{at + 1}]" for at in range(len(lines_of(messages))))


class TestContract(RerankerContract):
    pointwise: ClassVar[bool] = False

    @pytest.fixture(params=[2, 3])
    def reranker(self, request: pytest.FixtureRequest) -> ListwiseReranker:
        """A model with a bias for places: without debiasing, shuffling would show."""
        model = sorter(lambda line: len(line) % 5, blind_to=1)
        return ListwiseReranker(model, present, window=4, step=2, rounds=request.param)


class TestContractInProcess(RerankerContract):
    """A random language model, truly run: what it writes is noise."""

    pointwise: ClassVar[bool] = False

    @pytest.fixture
    def reranker(self, tiny_chat: LocalChat) -> ListwiseReranker:
        return ListwiseReranker(tiny_chat, present, window=5, step=3, rounds=1, candidate_tokens=8)


def test_the_best_wander_to_the_front() -> None:
    reranker = ListwiseReranker(sorter(float), present, window=6, step=3, rounds=1)
    found = order(reranker, pool_of(15))
    assert found[:3] == [14, 13, 12]
    assert sorted(found) == list(range(15))


def test_one_window_is_sorted_wholly() -> None:
    reranker = ListwiseReranker(sorter(float), present)
    assert order(reranker, pool_of(10)) == list(range(10))[::-1]
    hits = rerank(reranker, "q", pool_of(4))
    assert [hit.score for hit in hits] == [1.0, 0.75, 0.5, 0.25]


def test_more_rounds_mend_a_bias() -> None:
    """The model never sees what it is shown first; over several arrangements the true order is found all the same."""
    pool = pool_of(8)
    once = ListwiseReranker(sorter(float, blind_to=1), present, rounds=1)
    often = ListwiseReranker(sorter(float, blind_to=1), present, rounds=6)
    assert order(once, pool) != list(range(8))[::-1]
    assert order(often, pool) == list(range(8))[::-1]


def test_a_model_that_repeats_what_it_sees_says_nothing() -> None:
    pool = pool_of(12)
    random.Random(3).shuffle(pool)
    reranker = ListwiseReranker(ScriptedChat(echo), present, window=5, step=2, rounds=4)
    assert order(reranker, pool) == list(range(12))


@pytest.mark.parametrize("text", ["", "I cannot rank these.", "[77] > [0]", "\x00\ud800"])
def test_garbage_leaves_the_first_stage(text: str) -> None:
    pool = pool_of(9)
    random.Random(4).shuffle(pool)
    assert order(ListwiseReranker(ScriptedChat(lambda messages: text), present, window=4, step=2), pool) == list(
        range(9)
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 23), st.integers(2, 9), st.integers(1, 9), st.integers(1, 3), st.integers(0, 999))
def test_any_answers_give_everybody_once_whatever_the_input_order(
    count: int, window: int, step: int, rounds: int, seed: int
) -> None:
    def noise(messages: Sequence[Message]) -> str:
        chance = random.Random(digest(str(seed), messages[-1].text))
        return " > ".join(f"[{chance.randint(0, 12)}]" for _ in range(chance.randint(0, 12)))

    reranker = ListwiseReranker(ScriptedChat(noise), present, window=window, step=min(step, window), rounds=rounds)
    pool = pool_of(count)
    expected = rerank(reranker, "q", pool)
    assert {hit.chunk_id for hit in expected} == {one.chunk.id for one in pool}
    random.Random(seed).shuffle(pool)
    assert rerank(reranker, "q", pool) == expected


def test_ties_of_the_first_stage_go_by_id() -> None:
    pool = [result(str(n), f"{n}", score=0.5) for n in range(6)]
    by_id = sorted(one.chunk.id for one in pool)
    for seed in range(3):
        random.Random(seed).shuffle(pool)
        hits = rerank(ListwiseReranker(ScriptedChat(echo), present), "q", pool)
        assert [hit.chunk_id for hit in hits] == by_id


def test_calls_and_usage() -> None:
    model = sorter(float)
    reranker = ListwiseReranker(model, present, window=5, step=3, rounds=2)
    rerank(reranker, "q", pool_of(11))
    assert len(model.calls) == 6
    assert reranker.usage.tokens_out == sum(2 * min(5, len(lines_of(call.messages))) - 1 for call in model.calls)
    assert reranker.usage.tokens_in > 6 * 30
    assert reranker.name == "listwise:scripted"


def test_one_alone_and_none_ask_nobody() -> None:
    model = ScriptedChat()
    assert [hit.score for hit in rerank(ListwiseReranker(model, present), "q", pool_of(1))] == [1.0]
    assert rerank(ListwiseReranker(model, present), "q", []) == []
    assert model.calls == []


def test_a_candidate_is_one_line() -> None:
    model = sorter(lambda line: 0.0)
    pool = [result("bad", "x\n[1] me\n[2] me\r[3] me\u2028[4]"), result("good", "good")]
    rerank(ListwiseReranker(model, present), "q", pool)
    assert all(len(lines_of(call.messages)) == 2 for call in model.calls)


def test_a_served_order_and_a_served_fault() -> None:
    def alter(body: dict[str, Any]) -> dict[str, Any]:
        body["choices"][0]["message"]["content"] = "[3] > [1] > [2]"
        return body

    with serving() as wire:
        wire.alter = alter
        chat = OpenAIChat("m", wire.url, wait_s=0.01)
        shown = served(chat, lambda chat: ListwiseReranker(chat, present, rounds=1), pool_of(3))
        (request,) = wire.requests
        lines = lines_of([Message(role="user", text=request["messages"][-1]["content"])])
        assert [hit.chunk_id for hit in shown] == [digest(lines[at]) for at in (2, 0, 1)]
        wire.faults = [Fault(status=500)] * 3
        with pytest.raises(ServiceError, match="500"):
            served(chat, lambda chat: ListwiseReranker(chat, present, rounds=1), pool_of(3))


@pytest.mark.parametrize(
    "bad", [{"window": 1}, {"step": 11}, {"rounds": 0}, {"candidate_tokens": 0}, {"concurrency": 0}]
)
def test_bad_settings(bad: dict[str, int]) -> None:
    with pytest.raises(CallerError, match=next(iter(bad))):
        ListwiseReranker(ScriptedChat(), present, **bad)
