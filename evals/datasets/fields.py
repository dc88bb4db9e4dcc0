"""Fields that benchmarks publish in more than one form: ids as texts or as numbers."""

from foveate.evals.datasets.rows import Row

__all__ = ["ident"]


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
