"""Fields that are published in more than one form."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.reading.fields import ident, integer, interval, listed, slices_of
from foveate.evals.reading.rows import Row

PLACE = r"x\.csv, line 3: "


def row(value: object) -> Row:
    return Row({"f": value}, "x.csv, line 3")


@pytest.mark.parametrize(("value", "name"), [("a-1", "a-1"), (17, "17"), (0, "0"), (-3, "-3"), ("007", "007")])
def test_an_id_is_a_text_or_a_whole_number(value: object, name: str) -> None:
    assert ident(row(value), "f") == name


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"field 'f' is missing \(fields there: f\)"),
        ("", r"field 'f' must be an id, found ''"),
        (1.0, r"field 'f' must be str, found 1\.0"),
        (True, r"field 'f' must be str, found True"),
        (["a"], r"field 'f' must be str, found \['a'\]"),
    ],
)
def test_what_is_no_id_names_its_place(value: object, message: str) -> None:
    with pytest.raises(CallerError, match=PLACE + message):
        ident(row(value), "f")


@given(st.integers(min_value=-(2**50), max_value=2**50), st.booleans())
def test_whole_numbers_are_read_with_or_without_a_point(number: int, pointed: bool) -> None:
    assert integer(row(f"{number}.0" if pointed else str(number)), "f") == number


@pytest.mark.parametrize("text", ["", "two", "1.5", "nan", "inf", "1e400", "1,0"])
def test_no_whole_number_names_its_place(text: str) -> None:
    with pytest.raises(CallerError, match=PLACE + "field 'f' must be int, found ") as caught:
        integer(row(text), "f")
    assert repr(text) in str(caught.value)


@given(st.lists(st.text()), st.booleans())
def test_a_list_comes_back_as_it_is_and_as_python_writes_it(texts: list[str], written: bool) -> None:
    assert listed(row(repr(texts) if written else texts), "f", str) == tuple(texts)


@given(st.lists(st.integers()))
def test_a_list_of_numbers(numbers: list[int]) -> None:
    assert listed(row(repr(numbers)), "f", int) == tuple(numbers)


@pytest.mark.parametrize(
    "value", ["", "[", "a", "[1]", "{'a'}", "['a', ['b']]", "open('x')", "[" * 10_000, [1], ["a", None], 3, {"a": 1}]
)
def test_no_list_names_its_place(value: object) -> None:
    with pytest.raises(CallerError, match=PLACE + "field 'f' must be list of str, found "):
        listed(row(value), "f", str)


@pytest.mark.parametrize("value", ["[True]", [False], ["1"], "[1.0]"])
def test_a_truth_value_is_no_number(value: object) -> None:
    with pytest.raises(CallerError, match=PLACE + "field 'f' must be list of int, found "):
        listed(row(value), "f", int)


def test_an_absent_field_names_its_place() -> None:
    for read in (ident, integer, lambda row, field: listed(row, field, str)):
        with pytest.raises(CallerError, match=PLACE + r"field 'g' is missing \(fields there: f\)"):
            read(row("1"), "g")


def test_an_interval_is_in_seconds() -> None:
    found = interval(row(None), "f", [1, 2.5])
    assert found == (1.0, 2.5)
    assert all(type(part) is float for part in found)
    assert interval(row(None), "f", [3, 3]) == (3.0, 3.0)


@pytest.mark.parametrize(
    "value",
    [[2, 1], [-1, 2], [1], [1, 2, 3], "1,2", None, [1, "2"], [True, 2], [0, math.inf], [math.nan, 1], [0, math.nan]],
)
def test_what_is_no_interval_names_its_place(value: object) -> None:
    with pytest.raises(
        CallerError, match=PLACE + r"field 'f\[1\]' must be \[start, end\] in seconds, found "
    ) as caught:
        interval(row(None), "f[1]", value)
    assert repr(value) in str(caught.value)


def test_slices_are_texts_of_what_is_there() -> None:
    found = Row({"kind": " bridge ", "hops": 2, "empty": " ", "none": None}, "f")
    assert slices_of(found, type="kind", hops="hops", a="empty", b="none", c="absent") == {
        "type": "bridge",
        "hops": "2",
    }


@pytest.mark.parametrize("value", [["a"], {"a": 1}])
def test_a_slice_is_no_list(value: object) -> None:
    with pytest.raises(CallerError, match=PLACE + "field 'f' must be str or number"):
        slices_of(row(value), type="f")
