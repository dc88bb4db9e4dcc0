"""Fields that benchmarks publish in more than one form: ids, whole numbers, lists, stretches of film, properties."""

import ast
import math
from typing import TypeVar, cast

from foveate.evals.reading.rows import Row
from foveate.evals.samples import Span

__all__ = ["ident", "integer", "interval", "listed", "slices_of"]

T = TypeVar("T")


def ident(row: Row, field: str) -> str:
    """An id that is published as a text or as a whole number.

    Raises:
        CallerError: absent, empty or of another type.
    """
    value = row.data.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    found = row.get(field, str)
    if not found:
        raise row.bad(field, "an id", found)
    return found


def integer(row: Row, field: str) -> int:
    """A whole number of a CSV cell: ``2``, or ``2.0`` as pandas writes it beside empty cells.

    Raises:
        CallerError: absent, or no whole number.
    """
    text = row.get(field, str)
    try:
        value = float(text)
        if value.is_integer():
            return int(value)
    except ValueError:
        pass
    raise row.bad(field, "int", text)


def listed(row: Row, field: str, kind: type[T]) -> tuple[T, ...]:
    """A list of values of one kind, or a text that holds one as Python writes it. Read as a literal, never run.

    Raises:
        CallerError: absent, or no such list.
    """
    value = row.data.get(field)
    if value is None:
        value = row.get(field, list)
    found = _literal(value) if isinstance(value, str) else value
    if not isinstance(found, list) or not all(type(part) is kind for part in found):
        raise row.bad(field, f"list of {kind.__name__}", value)
    return tuple(found)


def interval(row: Row, field: str, value: object) -> Span:
    """A stretch of film: a pair of numbers in seconds, start first.

    Args:
        row: where it stands.
        field: name of the value, for the error.
        value: what the file has.

    Raises:
        CallerError: it is no list of two finite numbers with 0 <= start <= end.
    """
    error = row.bad(field, "[start, end] in seconds", value)
    if not isinstance(value, list) or len(value) != 2:
        raise error
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in value):
        raise error
    start, end = (float(part) for part in cast(list[float], value))
    if not (math.isfinite(end) and 0.0 <= start <= end):
        raise error
    return start, end


def slices_of(row: Row, **fields: str) -> dict[str, str]:
    """Slices of a sample: name -> the text of a field, for those that are there and not empty.

    Raises:
        CallerError: a field is neither text nor number.
    """
    found = {name: row.data.get(field) for name, field in fields.items()}
    for name, value in found.items():
        if not isinstance(value, str | int | float | None):
            raise row.bad(fields[name], "str or number", value)
    return {name: str(value).strip() for name, value in found.items() if value is not None and str(value).strip()}


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
