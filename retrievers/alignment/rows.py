"""Rows that a head learns from: a question with options and a picture, and what is right."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from foveate.errors import CallerError
from foveate.retrievers.alignment.head import OUTCOMES
from foveate.retrievers.alignment.wording import depictable

__all__ = ["Outcome", "Row", "read_rows"]

Outcome = Literal["answerable", "absent", "incompatible"]
_OUTCOME = {"none": 0, "absent_object": 1, "incompatible_question": 2}
"""Reason -> place in OUTCOMES; rows of other reasons are of other parts."""
_SPLITS = ("train", "test")
_MAX_LINE = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One question before one picture."""

    id: str
    question: str
    options: tuple[str, ...]
    choice: int | None
    """Index of the right option."""
    outcome: int
    """Index in OUTCOMES."""
    picture: Path
    group: str
    """Rows of one group are on one side of every split."""
    form: str
    """What figures are told apart by: ``standard``, ``aad`` and so on, or the outcome."""


def read_rows(path: Path) -> list[Row]:
    """Rows of ``split`` "train" that have a picture and an option it could show; others are passed over.

    Keys are ``question``, ``options``, ``choice`` (an index or null), ``answerable``, ``reason`` (``none``,
    ``absent_object``, ``incompatible_question``; rows of other reasons are passed over), ``picture`` (relative to the
    file), ``group``, ``split``, and where wanted ``id`` and ``form``; others are left alone.

    Raises:
        CallerError: no such file, a row that is not as it should be (names file, line, key and value), or nothing left.
    """
    if not path.is_file():
        raise CallerError(f"no file of questions at {str(path)!r}")
    found: list[Row] = []
    for number, line in _lines(path):
        row = _row(line, f"{str(path)!r}, line {number}", path.parent, number)
        if row is not None:
            found.append(row)
    _check(found, path)
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MAX_LINE + 1):
            number += 1
            if len(line) > _MAX_LINE:
                raise CallerError(f"{str(path)!r}, line {number}: longer than {_MAX_LINE} bytes")
            if line.strip():
                yield number, line


def _row(line: bytes, where: str, folder: Path, number: int) -> Row | None:
    body = _object(line, where)
    if body["split"] not in _SPLITS:
        raise CallerError(f"{where}: split is {body['split']!r:.80}; one of 'train', 'test'")
    # Of test rows not even the rest is looked at.
    if body["split"] == "test" or body["picture"] is None or body["reason"] not in _OUTCOME:
        return None
    _typed(body, where)
    if not depictable(body["options"]):
        return None
    outcome = _OUTCOME[body["reason"]]
    picture = folder / body["picture"]
    if not picture.is_file():
        raise CallerError(f"{where}: no picture at {str(picture)!r}")
    return Row(
        id=str(body.get("id", number)),
        question=body["question"],
        options=tuple(body["options"]),
        choice=body["choice"],
        outcome=outcome,
        picture=picture,
        group=str(body["group"]),
        form=str(body.get("form") or OUTCOMES[outcome]),
    )


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CallerError(f"{where}: not JSON: {error}") from None
    if not isinstance(body, dict):
        raise CallerError(f"{where}: {body!r:.80} is not an object")
    for key in ("question", "options", "choice", "answerable", "reason", "picture", "group", "split"):
        if key not in body:
            raise CallerError(f"{where}: {key!r} is missing")
    return body


def _typed(body: dict[str, Any], where: str) -> None:
    options, choice = body["options"], body["choice"]
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise CallerError(f"{where}: options is {options!r:.80}; a list of texts is expected")
    for key, kind in (("question", str), ("picture", str), ("answerable", bool)):
        if not isinstance(body[key], kind):
            raise CallerError(f"{where}: {key} is {body[key]!r:.80}; {kind.__name__} is expected")
    if choice is not None and (type(choice) is not int or not 0 <= choice < len(options)):
        raise CallerError(f"{where}: choice is {choice!r:.80}; null, or an index of {len(options)} options")
    if body["answerable"] != (body["reason"] == "none"):
        raise CallerError(f"{where}: answerable is {body['answerable']!r} and reason {body['reason']!r}")


def _check(rows: list[Row], path: Path) -> None:
    there = {row.outcome for row in rows}
    if len(there) < len(OUTCOMES):
        missing = ", ".join(repr(name) for place, name in enumerate(OUTCOMES) if place not in there)
        raise CallerError(f"{str(path)!r} holds no training row with a picture that is {missing}")
