import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.memory.filters import Filter, OneOf, PathPrefix, check_date, parse, path_keys
from tests.contracts.filters import filters


@given(filters())
def test_an_expression_reads_back_as_the_filter_it_came_from(where: Filter) -> None:
    assert parse(str(where)) == where
    assert str(parse(str(where))) == str(where)
    assert hash(parse(str(where))) == hash(where)


@given(filters(), filters())
def test_conditions_have_no_order_and_count_once(left: Filter, right: Filter) -> None:
    assert left & right == right & left == parse(f"{right} {left}")
    assert left & left == left


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_as_the_callers_fault(expression: str) -> None:
    try:
        where = parse(expression)
    except CallerError:
        return
    assert parse(str(where)) == where


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("knd:image", "did you mean 'kind'"),
        ("kind:imge", "did you mean 'image'"),
        ("color:red", r"'kind', 'part', 'format', 'media', 'path', 'date'"),
        ("part:chapter", "'passage'"),
        ("holiday", "'holiday' must be key:value"),
        ("kind:", "key:value"),
        ("kind: image", "key:value"),
        ('path:"my holiday', "quotes"),
        ('path:""', "path"),
        ("path:*.png", r"\*"),
        ("media:123", "32 hexadecimal"),
        ("format:../x", "format name"),
        ("date:May", "YYYY-MM-DD"),
        ("date:2024-13", "2024-13"),
        ("date:2024-02-30", "2024-02-30"),
        ("date:..", "date"),
        ("date:2024-06..2024-05", "before it begins"),
        ("date:2024,2025", "one date"),
    ],
)
def test_what_is_wrong_is_named(expression: str, says: str) -> None:
    with pytest.raises(CallerError, match=says):
        parse(f"kind:film {expression}")


@pytest.mark.parametrize(
    ("expression", "payload", "fits"),
    [
        ("kind:image,film", {"kind": "film"}, True),
        ("kind:image kind:film", {"kind": "film"}, False),
        ("-kind:film", {}, True),
        ("kind:film", {}, False),
        ("FORMAT:jpg", {"format": "jpeg"}, None),
        ("format:JPG", {"format": "jpeg"}, True),
        ("date:2024", {"date": "2024-12-31T23:59:59"}, True),
        ("date:2024-02", {"date": "2024-02-29"}, True),
        ("date:2024-05-01..", {"date": "2024-04-30T23:59:59.999999"}, False),
        ("date:..2024-05", {"date": "2024-05-31T23:59:59.999999"}, True),
        ("date:..2024-05", {"date": "2024-06-01"}, False),
        ("date:2024-05", {"date": "2024-05-01T00:30:00+09:00"}, False),
        ("date:2024", {"date": "last year"}, False),
        ("-date:2024", {"date": "last year"}, True),
        ("date:2024", {"date": 2024}, False),
    ],
)
def test_matches(expression: str, payload: dict[str, object], fits: bool | None) -> None:
    if fits is None:
        with pytest.raises(CallerError):
            parse(expression)
    else:
        assert parse(expression).matches(payload) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("/data/my holiday/IMG_1.png", True),
        ("/data/", True),
        ("data/my", True),
        ("my holiday/", True),
        ("my holiday/IMG", True),
        ("IMG_1", True),
        ("holiday/", False),
        ("y holiday", False),
        ("/my holiday/", False),
        ("IMG_1.png/", False),
        (".png", False),
        ("img_1", False),
    ],
)
def test_a_path_condition_starts_at_a_component(value: str, fits: bool) -> None:
    payload = {"path_keys": path_keys("/elsewhere/x.gif") + path_keys("/data/my holiday/IMG_1.png")}
    assert Filter((PathPrefix(prefixes=(value,)),)).matches(payload) is fits


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), min_size=1, max_size=6))
def test_path_keys_are_the_tails_at_components_as_clean_text(components: list[str]) -> None:
    keys = path_keys("/" + "/".join(components))
    assert len(keys) == len(components) + 1
    assert keys[0][1:] == keys[1]
    assert all(longer.endswith("/" + shorter) for longer, shorter in itertools.pairwise(keys[1:]))
    for key in keys:
        key.encode("utf-8")
        assert unicodedata.is_normalized("NFC", key)


def test_a_decomposed_name_is_found_by_a_composed_one_and_a_broken_one_by_its_start() -> None:
    payload = {"path_keys": path_keys("/cafe\u0301/\udcff.png")}
    assert parse("path:caf\u00e9/").matches(payload)
    assert parse("path:/cafe\u0301/").matches(payload)
    assert payload["path_keys"][-1] == "\ufffd.png"


def test_values_are_checked_however_a_filter_is_made() -> None:
    with pytest.raises(CallerError):
        OneOf(key="kind", values=("imge",))
    with pytest.raises(CallerError):
        OneOf(key="kind", values=())
    with pytest.raises(CallerError):
        OneOf(key="colour", values=("red",))  # type: ignore[arg-type]
    assert OneOf(key="kind", values=("film", "image")) == OneOf(key="kind", values=("image", "film", "film"))
    assert not Filter() and Filter().matches({}) and str(Filter()) == ""


def test_dates_that_engines_read_in_their_own_way_are_not_read() -> None:
    for text in (
        "2024-05",
        "20240501",
        "2024-W01",
        "2024-05-01T10",
        "2024-05-01T10:00Z",
        "2024-05-01T25:00",
        "",
    ):
        assert check_date(text) is None
