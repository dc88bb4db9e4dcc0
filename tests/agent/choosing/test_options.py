"""Questions with options, read back out of one text."""

import string
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agent.choosing.layouts import inline
from foveate.agent.choosing.options import Asked, parse
from foveate.agent.choosing.written import LETTERS, with_options
from foveate.evals.samples import Sample
from foveate.evals.tasks.choices import as_question
from foveate.media.decoding import clean

CAT_DOG = [("cat", "dog")]


def read(text: str) -> tuple[str, list[tuple[str, str]]]:
    asked = parse(text)
    return asked.question, [(option.label, option.text) for option in asked.options]


@pytest.mark.parametrize(
    ("text", "labels", "form"),
    [
        ("Which is it?\nA. cat\nB. dog", "AB", "{}."),
        ("Which is it?\n\nA. cat\n\nB. dog\n", "AB", "{}."),
        ("Which is it?\n  (a) cat\n  (b) dog", "ab", "({})"),
        ("Which is it?\n[A] cat\n[B] dog", "AB", "[{}]"),
        ("Which is it?\r\nA: cat\r\nB: dog".replace("\r", ""), "AB", "{}:"),
        ("Which is it? A) cat B) dog", "AB", "{})"),
        ("Which is it? A) cat, or B) dog", "AB", "{})"),
        ("Which is it? (a) cat (b) dog", "ab", "({})"),
        ("Which is it? A. cat B. dog", "AB", "{}."),
        ("Which is it? A. cat; B. dog", "AB", "{}."),
        ("Which is it? 1. cat 2. dog", "12", "{}."),
        ("Which is it?\n1. cat\n2. dog", "12", "{}."),
        ("Which is it?\nOptions:\nA. cat\nB. dog", "AB", "{}."),
        ("Which is it? Choices: A. cat B. dog", "AB", "{}."),
        ("Which is it?\nA. cat\nB. dog\nAnswer with the letter of the right option.", "AB", "{}."),
        ("Which is it?\nA. cat\nB. dog\nPlease answer with only one letter", "AB", "{}."),
        ("Which is it? A. cat B. dog Answer with the letter.", "AB", "{}."),
    ],
)
def test_labels(text: str, labels: str, form: str) -> None:
    assert read(text) == ("Which is it?", list(zip(labels, ("cat", "dog"), strict=True)))
    assert parse(text).form == form


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Which is it?\n- cat\n- dog", ["cat", "dog"]),
        ("Which is it?\n• cat\n\n• dog\n", ["cat", "dog"]),
        ("Which is it? Options: cat, dog, or horse", ["cat", "dog", "horse"]),
        ("Which is it? (Options: cat, dog or horse.)", ["cat", "dog", "horse"]),
        ("Which is it? options: cat or dog", ["cat", "dog"]),
        ("Which is it?\nChoose from: cat; dog, big; horse", ["cat", "dog, big", "horse"]),
        ("Which is it?\nOptions: 1,234, 5,678", ["1,234", "5,678"]),
        ("Which is it?\nOptions:\ncat\ndog", ["cat", "dog"]),
        ("Which is it?\nOptions:\n* cat\n* dog", ["cat", "dog"]),
    ],
)
def test_lists_without_labels(text: str, options: list[str]) -> None:
    assert read(text) == ("Which is it?", [("", option) for option in options])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Which is it?",
        "A. Smith wrote the book. Who is he?",
        "What did A. Smith and B. Jones write?",
        "Who came first? A. Smith and B. Jones wrote in 1901.",
        "A. Smith wrote it.\nB. Jones replied.",  # nothing asks
        "My notes:\nA. Smith wrote it.\nB. Jones replied.\nWhat did Smith write?",
        "What does a) mean, and what does b) mean?",
        "Is it legal? A) yes B) no Which of them?",
        "Which is it?\nA. cat",
        "Which is it?\nB. cat\nC. dog",
        "Which is it?\nA. cat\nC. dog",
        "Which is it?\nA. cat\n(B) dog",
        "Which is it?\nA. cat\nB. dog\nIt has fur.",
        "Which is it?\nA. \nB. \n",
        "Which is it?\nA. cat\nB.\nC. dog",
        "Explain these steps:\n1. Boil water.\n2. Add tea.",
        "Explain these points.\n- Boil water.\n- Add tea.",
        "What are the options?",
        "What are my choices: to stay or to go?",
        "Options: cat, dog",  # nothing asks
        "Which year? 1990. That is what 2. May says.",
    ],
)
def test_what_only_looks_like_options(text: str) -> None:
    assert parse(text) == Asked(question=text)


def test_two_hundred_options_are_no_choice() -> None:
    text = "Which?\n" + "\n".join(f"{n}. thing {n}" for n in range(1, 201))
    assert parse(text) == Asked(question=text)
    assert len(parse("Which?\n" + "\n".join(f"{n}. thing {n}" for n in range(1, 27))).options) == 26


def test_the_options_are_the_last_list() -> None:
    text = "Notes:\nA. one\nB. two\nWhich is it?\nA. cat\nB. dog\nC. A. Smith\nwho wrote\nD. none"
    asked = parse(text)
    assert asked.question == "Notes:\nA. one\nB. two\nWhich is it?"
    assert [option.text for option in asked.options] == ["cat", "dog", "A. Smith who wrote", "none"]


def test_long_options_stay_whole() -> None:
    long = ("many words " * 1000).strip()
    assert [option.text for option in parse(f"Which?\nA. {long}\nB. {long}!").options] == [long, f"{long}!"]


def test_a_question_about_a_picture_without_one() -> None:
    assert parse("What does this picture show? A. a cat B. a dog").options[1].text == "a dog"


WORDS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=""), min_size=1, max_size=12)
# Without what no reader sees, such as variation selectors: it is taken out of everything that is asked.
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join).filter(lambda text: clean(text)[0] == text)


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, min_size=2, max_size=26))
def test_what_the_suites_write_is_read_back(question: str, options: list[str]) -> None:
    sample = Sample(id="s", text=question + "?", options=tuple(options))
    for written in (as_question(sample), with_options(question + "?", options)):
        asked = parse(written)
        assert asked.question == question + "?"
        assert [option.text for option in asked.options] == options
        assert "".join(option.label for option in asked.options) == LETTERS[: len(options)]


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("A1a.B2b)(:?\n\t -*Otpions,or é漢"), max_size=200))
def test_anything_can_be_read(text: str) -> None:
    asked = parse(text)
    assert len(asked.options) != 1 and all(option.text for option in asked.options)
    assert asked.options or asked.question == text
    assert sum(map(len, asked.groups)) == len(asked.options)


def steps(work: Callable[[], Any]) -> int:
    """Lines of Python that some work runs: its size, whatever the clock says."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@settings(deadline=None, max_examples=25)
@given(st.text(st.sampled_from("A1aB.)(:? \n-O"), min_size=2, max_size=8))
def test_work_grows_with_the_text(unit: str) -> None:
    short, long = unit * 100, unit * 800
    assert steps(lambda: parse(long)) <= 8 * steps(lambda: parse(short)) + 20_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["A. ", "A. x\n", "(", "a) b) ", "Options: ", "?\n- x", " ", "\n", "answer with ", "é", "1. "]
)
def test_twenty_thousand_characters(unit: str) -> None:
    for text in ((unit * 20_000)[:20_000], "Which? " + (unit * 20_000)[:20_000] + "\nAnswer with one letter."):
        parse(text)
        inline(text, False)


def test_groups_and_overlaps() -> None:
    asked = parse("Which?\nA. The cat!\nB. red\nC. cat\nD. not red\nE. all of the above\nF. Red car")
    assert asked.groups == ((0, 2), (1,), (3,), (4,), (5,))
    found = {(one.kind, one.first, one.second) for one in asked.overlaps}
    assert found == {("same", 0, 2), ("negated", 1, 3), ("inside", 1, 5), ("joint", 4, 4)}
    assert parse("Which?\nA. cat\nB. dog").overlaps == ()


def test_options_all_the_same() -> None:
    asked = parse("Which?\nA. cat\nB. Cat\nC. a cat.")
    assert asked.groups == ((0, 1, 2),)
    assert {one.kind for one in asked.overlaps} == {"same"}


def test_letters() -> None:
    assert LETTERS == string.ascii_uppercase
