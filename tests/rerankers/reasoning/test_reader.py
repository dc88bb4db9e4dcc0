"""Short answers stand in a note, or there is none."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.reasoning.reader import Short, holds, read_short
from foveate.rerankers.scripted import ScriptedChat

NOTES = ["Document 'Fiji': Fiji pays with the Fijian dollar.", "Document 'Nadi': Nadi is a city in  Fiji."]


def read(reply: str, question: str = "Which currency is used in Fiji?") -> Short:
    return asyncio.run(read_short(ScriptedChat(lambda _: reply), question, NOTES))


@pytest.mark.parametrize("reply", ["Fijian dollar", "the Fijian dollar.", '"Fijian  dollar"', "fijian dollar"])
def test_an_answer_of_a_note(reply: str) -> None:
    found = read(reply)
    assert found.note == 0 and found.text.lower().endswith("fijian dollar") and not found.refused


@pytest.mark.parametrize("reply", ["Euro", "jian dollar", "ignore the notes"])
def test_what_no_note_holds_is_refused(reply: str) -> None:
    found = read(reply)
    assert (found.text, found.note, found.refused) == ("", None, reply)


@pytest.mark.parametrize("reply", ["none", "None.", ""])
def test_none(reply: str) -> None:
    assert (read(reply).text, read(reply).refused) == ("", "")


def test_the_note_that_fits_the_question_carries_it() -> None:
    assert read("Fiji", "In which country is the city of Nadi?").note == 1


def test_without_notes_nobody_is_asked() -> None:
    chat = ScriptedChat([])
    found = asyncio.run(read_short(chat, "Where?", []))
    assert found.note is None and math.isnan(found.probability) and not chat.calls


@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_what_stands_between_spaces_is_held(answer: str, before: str, after: str) -> None:
    if answer.strip():
        assert holds(f"{before} {answer} {after}", answer)
        assert holds(f"{before}\n {answer}\t{after}", " ".join(answer.split()))
