import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.reading.choices import by_index, by_letter, by_text, unlettered
from foveate.evals.reading.rows import Row

OPTIONS = ("red", "green", "blue")


def row(value: object) -> Row:
    return Row({"answer": value}, "file.json, entry 3")


@pytest.mark.parametrize(("value", "index"), [("A", 0), ("(B)", 1), ("C.", 2), (" B ", 1)])
def test_letters(value: str, index: int) -> None:
    assert by_letter(row(value), "answer", OPTIONS) == index


@pytest.mark.parametrize("value", ["D", "a", "", "AB", "1"])
def test_letters_that_name_nothing(value: str) -> None:
    with pytest.raises(
        CallerError, match=r"file\.json, entry 3: field 'answer' must be the letter of one of 3 options"
    ):
        by_letter(row(value), "answer", OPTIONS)


def test_a_letter_is_a_text() -> None:
    with pytest.raises(CallerError, match=r"file\.json, entry 3: field 'answer' must be str, found 2"):
        by_letter(row(2), "answer", OPTIONS)


def test_texts() -> None:
    assert by_text(row("green"), "answer", OPTIONS) == 1
    with pytest.raises(CallerError, match=r"field 'answer' must be one of .*'red', 'green', 'blue'.*found 'pink'"):
        by_text(row("pink"), "answer", OPTIONS)


def test_a_text_that_two_options_share_is_no_answer() -> None:
    with pytest.raises(CallerError, match="found 'red'"):
        by_text(row("red"), "answer", ("red", "red", "blue"))


@pytest.mark.parametrize(("value", "index"), [(0, 0), (2, 2), ("1", 1), (" 2 ", 2)])
def test_numbers(value: object, index: int) -> None:
    assert by_index(row(value), "answer", OPTIONS) == index


@pytest.mark.parametrize("value", [3, -1, True, "3", "-1", "x", "", 1.0, "²"])
def test_numbers_that_name_nothing(value: object) -> None:
    with pytest.raises(CallerError, match=r"file\.json, entry 3: field 'answer' must be a number from 0 to 2"):
        by_index(row(value), "answer", OPTIONS)


def test_an_absent_number_is_missing() -> None:
    with pytest.raises(CallerError, match="field 'answer' is missing"):
        by_index(Row({}, "file.json"), "answer", OPTIONS)


def test_letters_before_options_are_taken_off() -> None:
    assert unlettered(["A. Apples.", "B. Candles.", "C. Berries."]) == ("Apples.", "Candles.", "Berries.")
    assert unlettered(["(A) one", "(B) two"]) == ("one", "two")


def test_what_only_looks_like_a_letter_stays() -> None:
    assert unlettered(["A. Lincoln", "G. Washington"]) == ("A. Lincoln", "G. Washington")
    assert unlettered(["Apples", "B. Candles"]) == ("Apples", "B. Candles")


@given(st.lists(st.text("abc ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
def test_lettering_is_undone(options: list[str]) -> None:
    assert unlettered([f"{letter}. {text}" for letter, text in zip("ABCDE", options, strict=False)]) == tuple(options)
