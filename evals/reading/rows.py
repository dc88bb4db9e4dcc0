"""Rows of published files, read with their place: a wrong type names file, line, field and value."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from foveate.errors import CallerError
from foveate.evals.reading.texts import lines, numbered, whole

__all__ = ["Row", "csv_rows", "json_row", "json_rows", "json_whole", "jsonl_rows", "rows_of"]

T = TypeVar("T")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Row:
    """One record and where it stands."""

    data: Mapping[str, Any]
    where: str
    """``file.jsonl, line 3`` or ``file.json, entry 3``."""

    def get(self, field: str, kind: type[T], default: T | None = None) -> T:
        """The value of a field that must be there, unless a default is given.

        Args:
            field: its name.
            kind: what it must be: ``str``, ``int``, ``float`` (an int will do), ``list``, ``dict``, ``bool``.
            default: for a field that is absent or null.

        Raises:
            CallerError: absent, or of another type; names file, line, field and value.
        """
        value = self.data.get(field)
        if value is None:
            if default is not None:
                return default
            there = ", ".join(sorted(map(str, self.data))) or "none"
            raise CallerError(f"{self.where}: field {field!r} is missing (fields there: {there})")
        if kind is float and type(value) is int:
            return cast(T, float(value))
        # bool is an int to Python, not to a benchmark.
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise self.bad(field, kind.__name__, value)
        return value

    def find(self, field: str, kind: type[T]) -> T | None:
        """The value of a field that may be absent or null."""
        return None if self.data.get(field) is None else self.get(field, kind)

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of strings."""
        found = self.get(field, list)
        for value in found:
            if not isinstance(value, str):
                raise self.bad(field, "list of str", found)
        return tuple(found)

    def row(self, field: str) -> "Row":
        """A mapping inside this one."""
        return Row(self.get(field, dict), f"{self.where}, field {field!r}")

    def rows(self, field: str) -> Iterator["Row"]:
        """A list of mappings inside this one."""
        for number, value in enumerate(self.get(field, list)):
            if not isinstance(value, dict):
                raise self.bad(f"{field}[{number}]", "dict", value)
            yield Row(value, f"{self.where}, field {field!r}[{number}]")

    def bad(self, field: str, wanted: str, value: object) -> CallerError:
        """The error for a value that is not what the format says."""
        return CallerError(f"{self.where}: field {field!r} must be {wanted}, found {value!r:.{_SHOWN}}")


def jsonl_rows(path: Path) -> Iterator[Row]:
    """One JSON object a line; empty lines are passed over.

    Raises:
        CallerError: no such file, or a line that is no JSON object.
    """
    for line, where in numbered(path):
        yield _row(_parsed(line, where), where)


def json_rows(path: Path, key: str | None = None) -> Iterator[Row]:
    """The objects of a JSON list, or of the list under ``key`` of an object.

    Raises:
        CallerError: no such file, no JSON, or not of that shape.
    """
    body = json_whole(path)
    if key is not None:
        if not isinstance(body, dict) or key not in body:
            raise CallerError(f"{path.name}: a JSON object with key {key!r} is expected")
        body = body[key]
    yield from rows_of(body, path.name)


def json_row(path: Path) -> Row:
    """The one object that a JSON file holds.

    Raises:
        CallerError: no such file, no JSON, or no object.
    """
    return _row(json_whole(path), path.name)


def json_whole(path: Path) -> Any:
    """What a JSON file holds, whatever its shape.

    Raises:
        CallerError: no such file, or no JSON in UTF-8.
    """
    return _parsed(whole(path), path.name)


def rows_of(body: object, where: str) -> Iterator[Row]:
    """The objects of a list that was read already, or the values of a mapping with its keys as field ``_key``."""
    if isinstance(body, dict):
        for name, value in body.items():
            found = _row(value, f"{where}, entry {name!r}")
            yield Row({**found.data, "_key": name}, found.where)
        return
    if not isinstance(body, list):
        raise CallerError(f"{where}: a JSON list is expected, found {type(body).__name__}")
    for number, value in enumerate(body):
        yield _row(value, f"{where}, entry {number}")


def csv_rows(path: Path, delimiter: str = ",", names: tuple[str, ...] | None = None) -> Iterator[Row]:
    """Rows of a CSV or TSV file; the first line names the fields unless ``names`` does.

    Raises:
        CallerError: no such file, or a row with fewer or more cells than names.
    """
    csv.field_size_limit(1 << 28)  # a picture as base64 in a cell, as MM-UPD has it
    reader = csv.reader(lines(path), delimiter=delimiter)
    header = list(names) if names else next(reader, [])
    for cells in reader:
        where = f"{path.name}, line {reader.line_num}"
        if len(cells) != len(header):
            raise CallerError(f"{where}: {len(header)} cells are expected ({', '.join(header)}), found {len(cells)}")
        yield Row(dict(zip(header, cells, strict=True)), where)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CallerError(f"{where}: no JSON: {error}") from None


def _row(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise CallerError(f"{where}: a JSON object is expected, found {value!r:.{_SHOWN}}")
    return Row(value, where)
