import asyncio
import math
from typing import Any

import pytest

from foveate.errors import CallerError, ServiceError
from foveate.rerankers.choices import ChatChoices, Choice, ChoosesToken, ScoresOptions
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import Message, Reply, TokenLogprob
from foveate.rerankers.scripted import ScriptedChat
from foveate.usage import Usage
from tests.rerankers.wire_server import serving

PROMPT = (Message(role="user", text="A or B?"),)


def reply(*top: tuple[str, float], said: tuple[str, float] | None = None) -> Reply:
    token, value = said or top[0]
    logprobs = (TokenLogprob(token=token, logprob=value, top=top),)
    return Reply(text=token, finish="length", usage=Usage(tokens_in=9, tokens_out=1), logprobs=logprobs)


def choose(model: ChoosesToken, count: int = 1) -> list[Choice]:
    return asyncio.run(model.choose([PROMPT] * count, ("A", "B")))


def over_the_wire(url: str, concurrency: int, count: int) -> list[Choice]:
    async def run() -> list[Choice]:
        chat = OpenAIChat("m", url)
        try:
            return await ChatChoices(chat, concurrency=concurrency).choose([PROMPT] * count, ("A", "B"))
        finally:
            await chat.aclose()

    return asyncio.run(run())


def test_spellings_add_up_and_lower_case_is_another_word() -> None:
    said = reply(("A", math.log(0.3)), (" B", math.log(0.2)), ("\u0120A", math.log(0.1)), ("a", math.log(0.09)))
    (choice,) = choose(ChatChoices(ScriptedChat([said])))
    assert choice.logprobs == pytest.approx((math.log(0.4), math.log(0.2)))
    assert choice.usage == Usage(tokens_in=9, tokens_out=1)


def test_an_option_beyond_the_named_ones_gets_the_least_of_them() -> None:
    (choice,) = choose(ChatChoices(ScriptedChat([reply(("A", -0.1), ("The", -3.0), ("x", -6.0))])))
    assert choice.logprobs == (-0.1, -6.0)


def test_the_token_taken_counts_although_it_is_not_among_the_alternatives() -> None:
    (choice,) = choose(ChatChoices(ScriptedChat([reply(("B", -2.0), said=("A", -0.2))])))
    assert choice.logprobs == (-0.2, -2.0)


def test_neither_is_unknown_not_half() -> None:
    (choice,) = choose(ChatChoices(ScriptedChat([reply(("The", -0.1), ("a", -3.0))])))
    assert choice.logprobs is None
    (impossible,) = choose(ChatChoices(ScriptedChat([reply(("The", 0.0), ("A", -math.inf))])))
    assert impossible.logprobs is None


@pytest.mark.parametrize("value", [math.nan, 0.5, math.inf])
def test_what_is_no_log_probability_is_refused(value: float) -> None:
    with pytest.raises(ServiceError, match="'B'"):
        choose(ChatChoices(ScriptedChat([reply(("A", -0.1), ("B", value))])))


def test_no_log_probabilities_at_all() -> None:
    with pytest.raises(ServiceError, match="top_logprobs"):
        choose(ChatChoices(ScriptedChat(["A"])))


@pytest.mark.parametrize("options", [("A",), (), "AB", ("A", "A")])
def test_bad_options(options: Any) -> None:
    with pytest.raises(CallerError, match="options"):
        asyncio.run(ChatChoices(ScriptedChat()).choose([PROMPT], options))


def test_bad_concurrency() -> None:
    with pytest.raises(CallerError, match="concurrency"):
        ChatChoices(ScriptedChat(), concurrency=0)


def test_in_process_it_is_what_the_model_scores(tiny_chat: LocalChat) -> None:
    """A random model hardly ever has A and B among its 20 likeliest; its own scores are the reference."""
    assert isinstance(tiny_chat, ScoresOptions)
    prompts = [(Message(role="user", text=f"A or B? {number}"),) for number in range(4)]
    choices = asyncio.run(ChatChoices(tiny_chat).choose(prompts, ("A", "B")))
    for prompt, choice in zip(prompts, choices, strict=True):
        assert choice.logprobs == pytest.approx(asyncio.run(tiny_chat.score(prompt, ("A", "B"))), abs=1e-4)
        assert choice.usage.tokens_in > 0 and choice.usage.tokens_out == 1


def test_served() -> None:
    def alter(body: dict[str, Any]) -> dict[str, Any]:
        (first,) = body["choices"][0]["logprobs"]["content"]
        first["top_logprobs"][3] = {"token": "B", "logprob": -1.25, "bytes": None}
        first["top_logprobs"][4] = {"token": " A", "logprob": -2.5, "bytes": None}
        return body

    with serving() as wire:
        wire.alter = alter
        choices = over_the_wire(wire.url, 2, 5)
        assert [choice.logprobs for choice in choices] == [(-2.5, -1.25)] * 5
        assert all(request["top_logprobs"] == 20 and request["max_tokens"] == 1 for request in wire.requests)
        assert all(choice.usage.tokens_in > 0 for choice in choices)


def test_a_served_fault_comes_as_it_is_and_ends_the_rest() -> None:
    with serving() as wire:
        wire.alter = lambda body: body["choices"][0].update(logprobs=None) or body
        with pytest.raises(ServiceError, match="log-probabilities"):
            over_the_wire(wire.url, 1, 30)
        assert len(wire.requests) < 5
