"""Options that say that none is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.agent.choosing.nones import says_none


@pytest.mark.parametrize(
    "text",
    [
        "None of the above", "none of the above.", "None of these", "None of them", "None of the options", "none",
        "None of the above options", "None of the other options", "Neither of the two", "None is correct",
        "Cannot be determined", "It can't be determined from the picture", "The answer cannot be determined",
        "I cannot tell", "I can't say", "I don't know", "It is impossible to tell", "not possible to say",
        "Not in the picture", "Not shown in the image", "not visible", "Not given", "No answer", "no correct answer",
        "There is no right option", "Not enough information", "Insufficient evidence", "Unanswerable", "unknown", "N/A",
        "The correct answer is not listed", "Something else", "The picture does not show it", "No option is correct",
        "Keine der genannten Antworten", "Aucune de ces réponses", "Ninguna de las anteriores", "以上都不是",
    ],
)  # fmt: skip
def test_says_none(text: str) -> None:
    assert says_none(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "No", "nobody", "zero", "0", "other", "a cat", "Nonetheless", "None Island", "unknown soldier",
        "all of the above", "not red", "no dogs", "The picture", "Nothing Hill", "no information desk",
        "I know", "hard to chew", "cannot opener",
    ],
)  # fmt: skip
def test_is_an_answer(text: str) -> None:
    assert not says_none(text)


@given(st.text(max_size=400))
def test_case_and_space_do_not_count(text: str) -> None:
    assert says_none(f"  {text.upper()}  ") == says_none(text.upper())
    assert not says_none("x" * 121 + text)
