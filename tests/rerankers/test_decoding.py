"""Pieces join to the text, characters stay whole, stop strings never show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.decoding import TextAssembler


def decode(tokens: list[int]) -> str:
    return bytes(tokens).decode("utf-8", "replace")


def assembled(data: bytes, *stops: str) -> tuple[list[str], TextAssembler]:
    """One token a byte."""
    text = TextAssembler(decode, stops)
    pieces = []
    for token in data:
        pieces.append(text.push(token))
        if text.stopped:
            break
    return [*pieces, text.finish()], text


def test_characters_stay_whole() -> None:
    pieces, text = assembled("a\u00e9\u20ac\U0001f6a2z".encode())
    assert [piece for piece in pieces if piece] == ["a", "\u00e9", "\u20ac", "\U0001f6a2", "z"]
    assert text.text == "a\u00e9\u20ac\U0001f6a2z"


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert assembled("sea \U0001f6a2".encode()[:-1])[1].text == "sea "


def test_broken_bytes_do_not_hold_everything_back() -> None:
    pieces, text = assembled(b"\xff" * 20 + b"end")
    assert text.text.endswith("end")
    assert pieces[7]


def test_stop_over_several_tokens() -> None:
    pieces, text = assembled(b"one END two", "END")
    assert (text.text, text.stopped) == ("one ", True)
    assert "".join(pieces) == "one "


def test_beginning_of_a_stop_is_held_then_released() -> None:
    pieces, text = assembled(b"EN ENx", "END")
    assert pieces == ["", "", "EN ", "", "", "ENx", ""]
    assert not text.stopped
    assert assembled(b"one EN", "END")[1].text == "one EN"


def test_first_of_several_stops() -> None:
    assert assembled(b"abcd", "cd", "bc")[1].text == "a"


@given(st.text(max_size=40), st.lists(st.text("ab\u00e9 ", min_size=1, max_size=4), max_size=3))
def test_like_the_whole_text(words: str, stops: list[str]) -> None:
    words = words.encode("utf-8", "replace").decode().replace("\ufffd", "?")
    pieces, text = assembled(words.encode(), *stops)
    assert "".join(pieces) == text.text
    assert words.startswith(text.text)
    assert not any(stop in text.text for stop in stops)
    # The first stop to be complete counts, as tokens come one by one.
    ends = [words.index(stop) + len(stop) for stop in stops if stop in words]
    if ends:
        assert text.stopped
        assert any(words[len(text.text) :].startswith(stop) for stop in stops)
    else:
        assert text.text == words


@pytest.mark.parametrize("stops", [(), ("x",)])
def test_nothing(stops: tuple[str, ...]) -> None:
    assert assembled(b"", *stops)[0] == [""]
