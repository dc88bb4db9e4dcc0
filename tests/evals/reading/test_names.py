"""JSON files that hold names alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.reading.names import name_table, names
from tests.evals.published import write_json


def test_names_and_tables(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", ["x", "y"])
    write_json(tmp_path / "b.json", {"x": "x.png"})
    assert names(tmp_path / "a.json") == ("x", "y")
    assert name_table(tmp_path / "b.json") == {"x": "x.png"}


@pytest.mark.parametrize(
    ("read", "body", "message"),
    [
        (names, {"x": "y"}, r"a\.json: a JSON list is expected, found dict"),
        (names, ["x", None], r"a\.json, entry 1: a str is expected, found None"),
        (name_table, ["x"], r"a\.json: a JSON object is expected, found \['x'\]"),
        (name_table, {"x": 3}, r"a\.json: field 'x' must be str, found 3"),
    ],
)
def test_another_shape_names_its_place(
    tmp_path: Path, read: Callable[[Path], object], body: object, message: str
) -> None:
    write_json(tmp_path / "a.json", body)
    with pytest.raises(CallerError, match=message):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"\xff\xfe", r"a\.json is not UTF-8"), (b"{", r"a\.json: no JSON"), (b"", r"a\.json: no JSON")],
)
def test_what_is_no_json(tmp_path: Path, body: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(body)
    with pytest.raises(CallerError, match=message):
        names(tmp_path / "a.json")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*a\.json"):
        names(tmp_path / "a.json")


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)))))
def test_any_names_come_back(tmp_path_factory: pytest.TempPathFactory, found: list[str]) -> None:
    path = tmp_path_factory.mktemp("names") / "a.json"
    write_json(path, found)
    assert names(path) == tuple(found)
