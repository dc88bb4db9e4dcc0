"""Ids that are published as texts or as numbers."""

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.fields import ident
from foveate.evals.datasets.rows import Row


@pytest.mark.parametrize(("value", "name"), [("a-1", "a-1"), (17, "17"), (0, "0"), (-3, "-3"), ("007", "007")])
def test_an_id_is_a_text_or_a_whole_number(value: object, name: str) -> None:
    assert ident(Row({"id": value}, "x.json, entry 4"), "id") == name


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"x\.json, entry 4: field 'id' is missing \(fields there: id\)"),
        ("", r"x\.json, entry 4: field 'id' must be an id, found ''"),
        (1.0, r"x\.json, entry 4: field 'id' must be str, found 1\.0"),
        (True, r"x\.json, entry 4: field 'id' must be str, found True"),
        (["a"], r"x\.json, entry 4: field 'id' must be str, found \['a'\]"),
    ],
)
def test_anything_else_names_its_place(value: object, message: str) -> None:
    with pytest.raises(CallerError, match=message):
        ident(Row({"id": value}, "x.json, entry 4"), "id")
