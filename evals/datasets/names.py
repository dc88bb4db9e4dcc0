"""JSON files that hold names alone: a list of them, or a table from name to name."""

import json
from pathlib import Path
from typing import Any

from foveate.errors import CallerError

__all__ = ["name_table", "names", "top"]

_SHOWN = 80


def names(path: Path) -> tuple[str, ...]:
    """A JSON list of texts: the pictures of a split.

    Raises:
        CallerError: no such file, or not of that shape; names file, entry and value.
    """
    body = top(path)
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
    body = top(path)
    if not isinstance(body, dict):
        raise CallerError(f"{path.name}: a JSON object is expected, found {type(body).__name__}")
    for name, value in body.items():
        if not isinstance(value, str):
            raise CallerError(f"{path.name}: field {name!r} must be str, found {value!r:.{_SHOWN}}")
    return body


def top(path: Path) -> Any:
    """What a whole JSON file holds.

    Raises:
        CallerError: no such file, or no JSON in UTF-8.
    """
    if not path.is_file():
        raise CallerError(f"no file {str(path)!r}")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CallerError(f"{path.name} is not UTF-8: {error}") from None
    except ValueError as error:
        raise CallerError(f"{path.name}: no JSON: {error}") from None
