"""Rows of a JSONL file, read strictly: what is wrong is told by file, line, key and value."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from foveate.errors import CallerError

__all__ = ["lines", "one_of", "row_of", "text_of"]

_MAX_LINE = 1 << 20


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, and their numbers from 1.

    Raises:
        CallerError: a line is longer than 1 MiB.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MAX_LINE + 1):
            number += 1
            if len(line) > _MAX_LINE:
                raise CallerError(f"{str(path)!r}, line {number}: longer than {_MAX_LINE} bytes")
            if line.strip():
                yield number, line


def row_of(line: bytes, where: str, keys: Sequence[str], needed: Sequence[str]) -> dict[str, Any]:
    """The object that a line holds.

    Raises:
        CallerError: no JSON object, a key that is not among ``keys``, or one of ``needed`` missing.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CallerError(f"{where}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise CallerError(f"{where}: {row!r:.80} is not an object")
    if unknown := sorted(set(row) - set(keys)):
        raise CallerError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(keys)}")
    for key in needed:
        if key not in row:
            raise CallerError(f"{where}: {key!r} is missing")
    return row


def one_of(row: dict[str, Any], key: str, choices: tuple[Any, ...], where: str) -> Any:
    """The value of ``key`` (None where it is missing), if it is one of ``choices`` by type too.

    Raises:
        CallerError: it is not.
    """
    value = row.get(key)
    # True == 1 and 1.0 == 1, yet neither is what the format says.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        allowed = ", ".join(repr(choice) for choice in choices if choice is not None)
        raise CallerError(f"{where}: {key!r} is {value!r:.80}; allowed: {allowed}")
    return value


def text_of(row: dict[str, Any], key: str, where: str) -> str:
    """The string under ``key``, empty where it is missing.

    Raises:
        CallerError: it is no string.
    """
    value = row.get(key, "")
    if not isinstance(value, str):
        raise CallerError(f"{where}: {key!r} is {value!r:.80}, not a string")
    return value
