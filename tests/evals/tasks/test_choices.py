"""Answers read back: a letter or the words of one option, and nothing when it is neither or both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.samples import Sample
from foveate.evals.tasks.choices import as_question, parse_choice, parse_label

OPTIONS = ("a red car", "a car", "two boats", "None of the above")


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("B", 1),
        ("(C)", 2),
        ("C. two boats", 2),
        ("c", -1),
        ("Answer: A", 0),
        ("The correct answer is (D).", 3),
        ("It shows two boats on a lake.", 2),
        ("a car", 1),
        ("I see a red car there", 0),
        ("A red car", 0),
        ("A car stands there", 1),
        ("a red car and two boats", -1),
        ("E", -1),
        ("", -1),
        ("no idea", -1),
        ("none of the above", 3),
    ],
)
def test_choices(text: str, choice: int) -> None:
    assert parse_choice(text, OPTIONS) == choice


@given(st.lists(st.text(alphabet="abcdefgh ", min_size=1).filter(str.strip), min_size=1, max_size=8), st.data())
def test_every_letter_is_read_back(options: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(options) - 1))
    for form in ("{}", "({})", "{}.", "Answer: {}", "**{}**"):
        assert parse_choice(form.format("ABCDEFGH"[index]), options) == index


@given(st.text(), st.lists(st.text(), max_size=6))
def test_never_out_of_range(text: str, options: list[str]) -> None:
    assert -1 <= parse_choice(text, options) < max(len(options), 1)


def test_twice_the_same_option_is_no_choice_by_words() -> None:
    assert parse_choice("red", ("red", "red")) == -1
    assert parse_choice("B", ("red", "red")) == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("entailed", "entailed"),
        ("Entailed.", "entailed"),
        ("The claim is contradicted by note 2", "contradicted"),
        ("neither", ""),
        ("entailed or contradicted", ""),
        ("A", ""),
    ],
)
def test_labels(text: str, label: str) -> None:
    assert parse_label(text, ("entailed", "contradicted", "neutral")) == label


def test_questions() -> None:
    assert as_question(Sample(id="1", text="What is it?")) == "What is it?"
    asked = as_question(Sample(id="1", text="What is it?", options=("cat", "dog")))
    assert asked.splitlines()[:3] == ["What is it?", "A. cat", "B. dog"]
    assert "entailed, contradicted" in as_question(
        Sample(id="1", text="Is it so?", labels=("entailed", "contradicted"))
    )
