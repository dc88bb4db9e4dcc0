"""Options given apart, written behind their question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.agent.choosing.options import parse
from foveate.agent.choosing.written import LETTERS, with_options
from foveate.errors import CallerError

words = st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,3}", fullmatch=True)


@given(question=words, options=st.lists(words, min_size=2, max_size=26))
def test_what_is_written_is_read(question: str, options: list[str]) -> None:
    asked = parse(with_options(f"{question}?", options))
    assert asked.question == f"{question}?"
    assert [one.text for one in asked.options] == options
    assert "".join(one.label for one in asked.options) == LETTERS[: len(options)]


@pytest.mark.parametrize("options", [["one"], ["x"] * 27, ["a", " "]])
def test_what_is_no_choice(options: list[str]) -> None:
    with pytest.raises(CallerError, match="option"):
        with_options("What?", options)
