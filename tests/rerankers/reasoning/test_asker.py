"""What a model writes is parsed strictly."""

import asyncio
from collections.abc import Sequence

import pytest

from foveate.errors import ModelError
from foveate.rerankers.protocols import Message, Reply
from foveate.rerankers.reasoning.asker import ChatAsker, Written
from foveate.rerankers.reasoning.prompts import ask_prompt
from foveate.rerankers.scripted import ScriptedChat
from foveate.usage import Usage

PASSAGE = "The harbour museum was founded by Agnes Tolliver in 1931. It opens at ten."


def ask(reply: str | Reply, passage: str = PASSAGE, most: int = 6) -> Written:
    return asyncio.run(ChatAsker(ScriptedChat([reply]), most=most).ask([passage]))[0]


def test_questions_a_line() -> None:
    written = ask("1. Who founded the harbour museum?\n- When does the museum open?\n")
    assert written.questions == ("Who founded the harbour museum?", "When does the museum open?")
    assert written.refused == () and written.usage.tokens_out > 0


def test_the_prompt_is_the_pinned_one() -> None:
    chat = ScriptedChat(["Who founded the museum?"])
    asyncio.run(ChatAsker(chat).ask([PASSAGE]))
    assert list(chat.calls[0].messages) == ask_prompt(PASSAGE)


def test_refused() -> None:
    written = ask("Here are questions:\nWho founded the museum?\nWho won the chess championship?\nIs it?\n")
    assert written.questions == ("Who founded the museum?",)
    assert written.refused == ("Here are questions:", "Who won the chess championship?", "Is it?")


def test_each_once_and_not_too_many() -> None:
    said = "Who founded the museum?\nwho founded a museum ?\nWhen was the museum founded?\nWhen does it open?"
    assert ask(said).questions == (
        "Who founded the museum?",
        "When was the museum founded?",
        "When does it open?",
    )
    assert len(ask(said, most=2).questions) == 2


def test_half_a_question_is_none() -> None:
    cut = Reply(text="Who founded the museum?\nWhen does the mus", finish="length", usage=Usage())
    assert ask(cut) == Written(questions=("Who founded the museum?",))
    whole = Reply(text="Who founded the museum?", finish="length", usage=Usage())
    assert ask(whole).questions == ("Who founded the museum?",)


@pytest.mark.parametrize("passage", ["", "  \n", "of the", "?!"])
def test_passages_without_words_are_not_asked_about(passage: str) -> None:
    chat = ScriptedChat([])
    assert asyncio.run(ChatAsker(chat).ask([passage])) == [Written()] and not chat.calls


def test_order_is_kept() -> None:
    def reply(messages: Sequence[Message]) -> str:
        return f"What is {messages[-1].text.split()[-1]}?"

    chat = ScriptedChat(reply)
    passages = [f"about thing{i}" for i in range(30)]
    written = asyncio.run(ChatAsker(chat).ask(passages))
    assert [one.questions for one in written] == [(f"What is thing{i}?",) for i in range(30)]


def test_a_long_passage_is_cut() -> None:
    chat = ScriptedChat(["What is said of boats?"])
    asyncio.run(ChatAsker(chat).ask(["boats " * 20_000]))
    assert len(chat.calls[0].messages[-1].text) < 5_000


def test_a_failing_model_is_not_hidden() -> None:
    with pytest.raises(ModelError, match="broken"):
        asyncio.run(ChatAsker(ScriptedChat([ModelError("broken")])).ask([PASSAGE]))


def test_names_differ_with_what_changes_the_questions() -> None:
    one, two = ScriptedChat([], name="a"), ScriptedChat([], name="b")
    assert len({ChatAsker(one).name, ChatAsker(two).name, ChatAsker(one, most=3).name}) == 3
