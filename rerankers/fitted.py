"""Small JSON files of fitted numbers: written whole, read with a limit and field by field."""

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from foveate.errors import CallerError, ModelError
from foveate.memory.durable import write_durably

__all__ = ["exact", "number", "parsed", "read_fitted", "write_fitted"]

T = TypeVar("T")


def write_fitted(path: Path, body: Mapping[str, Any]) -> None:
    """Write JSON; a crash leaves the old or the new file whole.

    Raises:
        ServiceError: it cannot be written.
    """
    text = json.dumps(dict(body), indent=1, sort_keys=True, allow_nan=False)
    write_durably(path, lambda stream: stream.write(text.encode() + b"\n"))


def read_fitted(path: Path, what: str, read: Callable[[bytes], T], max_bytes: int) -> T:
    """What ``read`` makes of the file; it raises ``ValueError`` where a field is wrong.

    Raises:
        CallerError: no such file.
        ModelError: too large or damaged; names the file and the field.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except OSError as error:
        raise CallerError(f"no {what} at {str(path)!r}: {error.strerror or error}") from None
    try:
        if len(raw) > max_bytes:
            raise ValueError(f"larger than {max_bytes} bytes")
        return read(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} {str(path)!r} is damaged: {error}") from error


def parsed(raw: bytes, form: int | None = None) -> Any:
    """JSON without NaN and infinities; of this form where one is named, which is then left out.

    Raises:
        ValueError: neither.
    """
    body = json.loads(raw, parse_constant=_refuse)
    if form is not None and (not isinstance(body, dict) or body.pop("form", None) != form):
        raise ValueError(f"not of form {form}")
    return body


def number(value: Any, name: str, least: float = -math.inf) -> float:
    """A finite number of ``least`` or more.

    Raises:
        ValueError: it is none.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool)
    # Compared, not converted: an integer of 400 digits is no double.
    if not good or not abs(value) <= sys.float_info.max or value < least:
        raise ValueError(f"{name} is {value!r:.80}")
    return float(value)


def exact(body: Any, record: type[Any], what: str) -> dict[str, Any]:
    """An object with exactly the fields of a record.

    Raises:
        ValueError: others.
    """
    names = {item.name for item in fields(record)}
    if not isinstance(body, dict) or set(body) != names:
        raise ValueError(f"the fields of {what} must be {', '.join(sorted(names))}")
    return body


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")
