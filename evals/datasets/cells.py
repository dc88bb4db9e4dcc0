"""Cells of CSV files, which are texts to begin with: whole numbers, and lists as pandas writes them."""

import ast

from foveate.evals.datasets.rows import Row

__all__ = ["integer", "listed"]


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


def listed(row: Row, field: str) -> tuple[str, ...]:
    """Texts of a CSV cell that holds a Python list, as pandas writes one. Read as a literal, never run.

    Raises:
        CallerError: absent, or no list of texts.
    """
    text = row.get(field, str)
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(value, str) for value in found):
        raise row.bad(field, "list of str", text)
    return tuple(found)
