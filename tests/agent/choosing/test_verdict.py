"""What is said of a choice."""

import pytest

from foveate.agent.choosing.options import parse
from foveate.agent.choosing.verdict import reply
from foveate.errors import CallerError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Which?\nA. cat\nB. dog", "B. dog"),
        ("Which? (a) cat (b) dog", "(b) dog"),
        ("Which? 1) cat 2) dog", "2) dog"),
        ("Which?\n- cat\n- dog", "dog"),
    ],
)
def test_in_the_askers_form(text: str, said: str) -> None:
    assert reply(parse(text), 1) == (said, "dog", 1)


def test_an_abstention_is_the_option_that_says_so() -> None:
    asked = parse("Which? A) cat B) none of the above C) dog")
    assert reply(asked, None) == ("B) none of the above", "none of the above", 1)
    assert reply(parse("Which? A) cat B) dog"), None) == ("", "", None)
    assert reply(parse("Which is it?"), None) == ("", "", None)


@pytest.mark.parametrize("choice", [-1, 2])
def test_no_such_option(choice: int) -> None:
    with pytest.raises(CallerError, match=f"no option {choice}; there are 0 to 1"):
        reply(parse("Which? A) cat B) dog"), choice)


def test_no_options_at_all() -> None:
    with pytest.raises(CallerError, match="no option 0"):
        reply(parse("Which is it?"), 0)
