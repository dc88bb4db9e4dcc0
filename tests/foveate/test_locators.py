import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.locators import Box, CharSpan, Locator, PageBox, TimeSpan, describe, from_dict, to_dict


@st.composite
def corners(draw: st.DrawFn) -> dict[str, float]:
    x = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True)))
    y = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True)))
    return {"x0": x[0], "y0": y[0], "x1": x[1], "y1": y[1]}


locators: st.SearchStrategy[Locator] = st.one_of(
    corners().map(lambda c: Box(**c)),
    st.tuples(st.integers(1, 10**6), corners()).map(lambda pair: PageBox(page=pair[0], **pair[1])),
    st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)).map(lambda p: TimeSpan(start_s=min(p), end_s=max(p))),
    st.tuples(st.integers(0, 10**9), st.integers(1, 10**6)).map(lambda p: CharSpan(start=p[0], end=sum(p))),
)


@given(locators)
def test_round_trip(locator: Locator) -> None:
    assert from_dict(to_dict(locator)) == locator


@given(locators)
def test_description_is_one_short_line(locator: Locator) -> None:
    assert 0 < len(describe(locator)) < 60 and "\n" not in describe(locator)


@pytest.mark.parametrize(
    "fields",
    [
        {"x0": 0.5, "y0": 0, "x1": 0.5, "y1": 1},
        {"x0": -0.1, "y0": 0, "x1": 1, "y1": 1},
        {"x0": 0, "y0": 0, "x1": 1.01, "y1": 1},
        {"x0": 0, "y0": math.nan, "x1": 1, "y1": 1},
    ],
)
def test_bad_boxes_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(CallerError, match="must satisfy"):
        Box(**fields)


def test_bad_spans_are_refused() -> None:
    with pytest.raises(CallerError):
        TimeSpan(start_s=2, end_s=1)
    with pytest.raises(CallerError):
        TimeSpan(start_s=0, end_s=math.inf)
    with pytest.raises(CallerError):
        CharSpan(start=3, end=3)
    with pytest.raises(CallerError, match="'rectangle' must be one of"):
        from_dict({"type": "rectangle"})
    with pytest.raises(CallerError, match="unexpected"):
        from_dict({"type": "chars", "start": 0, "end": 1, "page": 2})


def test_overlap_by_hand() -> None:
    first = TimeSpan(start_s=10, end_s=20)
    assert first.overlaps(TimeSpan(start_s=19, end_s=30))
    assert not first.overlaps(TimeSpan(start_s=20, end_s=30))  # touching is not overlapping


def test_clock() -> None:
    assert describe(TimeSpan(start_s=330, end_s=3600.25)) == "00:05:30.0 to 01:00:00.2"
    assert describe(PageBox(page=3, x0=0, y0=0, x1=1, y1=1)) == "page 3"
    assert describe(Box(x0=0, y0=0, x1=1, y1=1)) == "whole picture"
