"""Slices and spans of published rows."""

import math

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.rows import Row
from foveate.evals.datasets.slices import slices_of
from foveate.evals.datasets.spans import interval


def test_slices_are_texts_of_what_is_there() -> None:
    row = Row({"kind": " bridge ", "hops": 2, "empty": " ", "none": None}, "f")
    assert slices_of(row, type="kind", hops="hops", a="empty", b="none", c="absent") == {"type": "bridge", "hops": "2"}


@pytest.mark.parametrize("value", [["a"], {"a": 1}])
def test_a_slice_is_no_list(value: object) -> None:
    with pytest.raises(CallerError, match="f, entry 1: field 'kind' must be str or number"):
        slices_of(Row({"kind": value}, "f, entry 1"), type="kind")


def test_an_interval_is_in_seconds() -> None:
    found = interval([1, 2.5], CallerError("no"))
    assert found == (1.0, 2.5)
    assert all(type(part) is float for part in found)
    assert interval([3, 3], CallerError("no")) == (3.0, 3.0)


@pytest.mark.parametrize(
    "value",
    [[2, 1], [-1, 2], [1], [1, 2, 3], "1,2", None, [1, "2"], [True, 2], [0, math.inf], [math.nan, 1], [0, math.nan]],
)
def test_what_is_no_interval(value: object) -> None:
    with pytest.raises(CallerError, match="the row's own error"):
        interval(value, CallerError("the row's own error"))
