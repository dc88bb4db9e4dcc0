"""The scripted model keeps the contract, and is a good witness."""

import asyncio
from collections.abc import Sequence

import pytest

from foveate.errors import ConfigError, FoveateError, ServiceError
from foveate.rerankers.open_chat import CHATS, open_chat
from foveate.rerankers.protocols import Message, Reply, Sampling
from foveate.rerankers.scripted import ScriptedChat, ScriptExhausted
from foveate.usage import Usage
from tests.contracts.chat import PICTURE, TALK, ChatContract

TEXT = "The sea is wide and grey, the ships are few, and nobody counts the waves."


class TestScripted(ChatContract):
    @pytest.fixture
    def model(self) -> ScriptedChat:
        return ScriptedChat(lambda messages: TEXT)


def chat(model: ScriptedChat, text: str = "hi", **sampling: object) -> Reply:
    return asyncio.run(model.chat([Message(role="user", text=text)], Sampling(**sampling)))  # type: ignore[arg-type]


def test_replies_in_order_then_exhausted() -> None:
    model = ScriptedChat(["one", "two"])
    assert [chat(model).text, chat(model).text] == ["one", "two"]
    with pytest.raises(ScriptExhausted, match=r"holds 2 replies.*'the third'"):
        chat(model, "the third")
    assert not issubclass(ScriptExhausted, FoveateError)


def test_a_single_string_is_one_reply() -> None:
    assert chat(ScriptedChat("yes no")).text == "yes no"


def test_function_sees_the_messages() -> None:
    def echo(messages: Sequence[Message]) -> str:
        return messages[-1].text.upper()

    assert chat(ScriptedChat(echo), "loud").text == "LOUD"


def test_records_calls() -> None:
    model = ScriptedChat(["a"])
    asyncio.run(model.chat(TALK, Sampling(max_tokens=5)))
    assert [(call.messages, call.sampling.max_tokens) for call in model.calls] == [(TALK, 5)]


def test_errors_and_whole_replies_in_the_script() -> None:
    reply = Reply(text="", finish="length", usage=Usage(tokens_out=9))
    model = ScriptedChat([ServiceError("down"), reply])
    with pytest.raises(ServiceError, match="down"):
        chat(model)
    assert chat(model) is reply


def test_shared_beginnings_count_as_cached() -> None:
    model = ScriptedChat(["a", "b"])
    assert chat(model, "one two three").usage.tokens_cached == 0
    usage = chat(model, "one two four").usage
    assert (usage.tokens_in, usage.tokens_cached) == (4, 3)


def test_counts_pictures() -> None:
    model = ScriptedChat(["a"], sees=True)
    talk = [Message(role="user", text="see", images=(PICTURE, PICTURE))]
    assert asyncio.run(model.chat(talk, Sampling())).usage.images_sent == 2


def test_open_chat() -> None:
    model = open_chat("scripted", replies=["x"])
    assert asyncio.run(model.chat(TALK, Sampling())).text == "x"
    client = open_chat("openai:org/model@rev@http://127.0.0.1:8000/v1", sees=True, api_key="sk-secret")
    assert (client.name, client.sees) == ("org/model@rev", True)
    assert "http://127.0.0.1:8000/v1" in repr(client)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nobody:x", "local:smollm2"),
        ("", "local:smollm2"),
        ("openai:gpt", "MODEL@http"),
        ("openai:@http://h/v1", "MODEL@http"),
        ("openai:m@http://user:secret@h/v1", "address alone"),
        ("openai:m@http://h:99999/v1", "HOST:PORT"),
    ],
)
def test_open_chat_refuses(spec: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        open_chat(spec)
    assert "secret" not in str(caught.value) or "lacks" in str(caught.value)


def test_open_chat_unknown_option() -> None:
    with pytest.raises(ConfigError, match="colour"):
        open_chat("scripted", colour="red")


def test_table_is_true() -> None:
    for kind, place in CHATS.items():
        module, _, attribute = place.partition(":")
        assert hasattr(__import__(module, fromlist=[attribute]), attribute), kind
