"""JSON files that hold names alone: a list of them, or a table from name to name."""

from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.reading.rows import json_row, json_whole

__all__ = ["name_table", "names"]

_SHOWN = 80


def names(path: Path) -> tuple[str, ...]:
    """A JSON list of texts: the pictures of a split.

    Raises:
        CallerError: no such file, or not of that shape; names file, entry and value.
    """
    body = json_whole(path)
    if not isinstance(body, list):
        raise CallerError(f"{path.name}: a JSON list is expected, found {type(body).__name__}")
    for number, value in enumerate(body):
        if not isinstance(value, str):
            raise CallerError(f"{path.name}, entry {number}: a str is expected, found {value!r:.{_SHOWN}}")
    return tuple(body)


def name_table(path: Path) -> dict[str, str]:
    """A JSON object from text to text: picture to path.

    Raises:
        CallerError: no such file, or not of that shape; names file, field and value.
    """
    row = json_row(path)
    return {name: row.get(name, str) for name in row.data}
