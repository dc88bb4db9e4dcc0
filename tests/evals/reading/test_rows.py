"""Rows of published files: what they hold, and where a wrong value stands."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.reading.rows import Row, csv_rows, json_row, json_rows, json_whole, jsonl_rows, rows_of
from tests.evals.published import write_csv, write_json, write_jsonl

ROW = Row(
    {"text": "a", "count": 3, "share": 0.5, "on": True, "none": None, "names": ["x", "y"], "inner": {"k": 1}},
    "f, entry 2",
)


def places(rows: Iterable[Row]) -> list[tuple[dict[str, Any], str]]:
    return [(dict(row.data), row.where) for row in rows]


def test_fields_by_type() -> None:
    assert (ROW.get("text", str), ROW.get("count", int), ROW.get("on", bool)) == ("a", 3, True)
    assert ROW.get("share", float) == 0.5
    assert type(ROW.get("count", float)) is float
    assert ROW.texts("names") == ("x", "y")


@pytest.mark.parametrize("field", ["none", "absent"])
def test_a_field_that_is_not_there(field: str) -> None:
    assert ROW.find(field, str) is None
    assert ROW.get(field, str, "other") == "other"
    with pytest.raises(CallerError, match=f"f, entry 2: field '{field}' is missing \\(fields there: count, inner, "):
        ROW.get(field, str)


@pytest.mark.parametrize(
    ("field", "kind", "message"),
    [
        ("text", int, "must be int, found 'a'"),
        ("on", int, "must be int, found True"),
        ("count", bool, "must be bool, found 3"),
        ("share", int, "must be int, found 0.5"),
        ("names", dict, r"must be dict, found \['x', 'y'\]"),
    ],
)
def test_a_wrong_type_names_its_place(field: str, kind: type[object], message: str) -> None:
    for read in (ROW.get, ROW.find):
        with pytest.raises(CallerError, match=f"f, entry 2: field '{field}' {message}"):
            read(field, kind)


def test_a_long_value_is_cut() -> None:
    assert len(str(ROW.bad("text", "int", "x" * 10_000))) < 200


def test_rows_inside_a_row_know_where_they_are() -> None:
    outer = Row({"list": [{"a": 1}, {"a": "x"}], "bad": [{}, 3], "mixed": ["a", 1]}, "f, line 1")
    first, second = outer.rows("list")
    assert first.get("a", int) == 1
    with pytest.raises(CallerError, match=r"f, line 1, field 'list'\[1\]: field 'a' must be int, found 'x'"):
        second.get("a", int)
    with pytest.raises(CallerError, match=r"f, line 1: field 'bad\[1\]' must be dict, found 3"):
        list(outer.rows("bad"))
    with pytest.raises(CallerError, match="field 'mixed' must be list of str"):
        outer.texts("mixed")
    assert ROW.row("inner") == Row({"k": 1}, "f, entry 2, field 'inner'")


def test_every_form_gives_the_same_rows(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "one"}, {"id": "b", "text": 'two,\nor "three"'}]
    bodies: list[Any] = [
        list(json_rows(write_json(tmp_path / "list.json", rows))),
        list(json_rows(write_json(tmp_path / "key.json", {"images": rows, "other": 1}), "images")),
        list(jsonl_rows(write_jsonl(tmp_path / "a.jsonl", rows))),
        list(csv_rows(write_csv(tmp_path / "a.csv", rows))),
        list(csv_rows(write_csv(tmp_path / "a.tsv", rows, "\t"), "\t")),
    ]
    assert [[row.data for row in found] for found in bodies] == [rows] * 5


def test_a_mapping_gives_its_keys(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"q1": {"a": 1}, "q2": {}})
    assert places(json_rows(path)) == [
        ({"a": 1, "_key": "q1"}, "a.json, entry 'q1'"),
        ({"_key": "q2"}, "a.json, entry 'q2'"),
    ]
    assert places(rows_of([{"a": 1}], "here")) == [({"a": 1}, "here, entry 0")]


def test_places_count_the_lines_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "a.csv").write_text('a,b\n"1\n2",3\n4,5\n')
    (tmp_path / "bare.csv").write_text("1,2\n")
    assert [row.where for row in jsonl_rows(tmp_path / "a.jsonl")] == ["a.jsonl, line 1", "a.jsonl, line 3"]
    assert [row.where for row in csv_rows(tmp_path / "a.csv")] == ["a.csv, line 3", "a.csv, line 4"]
    assert places(csv_rows(tmp_path / "bare.csv", names=("x", "y"))) == [({"x": "1", "y": "2"}, "bare.csv, line 1")]


def test_one_object_and_any_shape(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a.json", {"a": 1})
    assert json_row(path) == Row({"a": 1}, "a.json")
    assert json_whole(path) == {"a": 1}
    assert json_whole(write_json(tmp_path / "b.json", 3)) == 3


@pytest.mark.parametrize(
    ("name", "text", "read", "message"),
    [
        ("a.jsonl", '{"a": 1}\n{\n', jsonl_rows, r"a\.jsonl, line 2: no JSON: "),
        ("a.jsonl", "{}\n[1]\n", jsonl_rows, r"a\.jsonl, line 2: a JSON object is expected, found \[1\]"),
        ("a.json", "{", json_rows, r"a\.json: no JSON: "),
        ("a.json", "3", json_rows, r"a\.json: a JSON list is expected, found int"),
        ("a.json", "[{}, 3]", json_rows, r"a\.json, entry 1: a JSON object is expected, found 3"),
        ("a.json", '{"a": 3}', json_rows, r"a\.json, entry 'a': a JSON object is expected, found 3"),
        ("a.json", "[]", lambda path: json_rows(path, "k"), r"a\.json: a JSON object with key 'k' is expected"),
        ("a.csv", "a,b\n1\n", csv_rows, r"a\.csv, line 2: 2 cells are expected \(a, b\), found 1"),
        ("a.csv", "a,b\n1,2,3\n", csv_rows, r"a\.csv, line 2: 2 cells are expected \(a, b\), found 3"),
    ],
)
def test_another_shape_names_its_place(
    tmp_path: Path, name: str, text: str, read: Callable[[Path], Iterable[Row]], message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CallerError, match=message):
        list(read(tmp_path / name))


@pytest.mark.parametrize("read", [jsonl_rows, json_rows, csv_rows])
def test_no_file_and_no_text(tmp_path: Path, read: Callable[[Path], Iterable[Row]]) -> None:
    with pytest.raises(CallerError, match=r"no file '.*/a\.x'"):
        list(read(tmp_path / "a.x"))
    (tmp_path / "a.x").write_bytes(b"\xff\xfe")
    with pytest.raises(CallerError, match=r"a\.x is not UTF-8"):
        list(read(tmp_path / "a.x"))


def test_a_cell_may_hold_a_picture(tmp_path: Path) -> None:
    (row,) = csv_rows(write_csv(tmp_path / "a.csv", [{"image": "A" * 300_000}]))
    assert len(row.get("image", str)) == 300_000


BODY = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))


@given(st.lists(BODY))
def test_any_objects_come_back(tmp_path_factory: pytest.TempPathFactory, bodies: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    raw = folder / "raw.jsonl"
    raw.write_text(
        "".join(f"{json.dumps(body, ensure_ascii=False)}\n" for body in bodies), encoding="utf-8", newline=""
    )
    assert [row.data for row in jsonl_rows(raw)] == bodies
    assert [row.data for row in json_rows(write_json(folder / "a.json", bodies))] == bodies
