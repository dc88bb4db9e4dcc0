"""Cells of CSV files: whole numbers and lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.datasets.cells import integer, listed
from foveate.evals.datasets.rows import Row


def row(value: object) -> Row:
    return Row({"f": value}, "x.csv, line 3")


@given(st.integers(min_value=-(2**50), max_value=2**50), st.booleans())
def test_whole_numbers_are_read_with_or_without_a_point(number: int, pointed: bool) -> None:
    assert integer(row(f"{number}.0" if pointed else str(number)), "f") == number


@pytest.mark.parametrize("text", ["", "two", "1.5", "nan", "inf", "1e400", "1,0"])
def test_no_whole_number_names_its_place(text: str) -> None:
    with pytest.raises(CallerError, match=r"x\.csv, line 3: field 'f' must be int, found ") as caught:
        integer(row(text), "f")
    assert repr(text) in str(caught.value)


@given(st.lists(st.text()))
def test_a_list_comes_back_as_python_writes_it(texts: list[str]) -> None:
    assert listed(row(repr(texts)), "f") == tuple(texts)


@pytest.mark.parametrize("text", ["", "[", "a", "[1]", "{'a'}", "['a', ['b']]", "open('x')", "[" * 10_000])
def test_no_list_names_its_place(text: str) -> None:
    with pytest.raises(CallerError, match=r"x\.csv, line 3: field 'f' must be list of str, found "):
        listed(row(text), "f")


def test_an_absent_cell_names_its_place() -> None:
    for read in (integer, listed):
        with pytest.raises(CallerError, match=r"x\.csv, line 3: field 'g' is missing \(fields there: f\)"):
            read(row("1"), "g")
