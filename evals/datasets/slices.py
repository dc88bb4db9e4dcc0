"""Properties of a sample that are reported apart, from fields that hold texts, numbers or nothing."""

from foveate.evals.datasets.rows import Row

__all__ = ["slices_of"]


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
