"""Which of the texts of a multiple-choice question is right, by letter, number or words."""

import re
import string
from collections.abc import Sequence

from foveate.evals.reading.rows import Row

__all__ = ["by_index", "by_letter", "by_text", "unlettered"]

_PREFIX = re.compile(r"^\(?([A-Z])[.):]\s*")


def unlettered(options: Sequence[str]) -> tuple[str, ...]:
    """Texts without the ``A. ``, ``(B) `` some files write before them; as they are unless every one has its own."""
    found = [_PREFIX.match(option) for option in options]
    if all(match and match[1] == letter for match, letter in zip(found, string.ascii_uppercase, strict=False)):
        return tuple(_PREFIX.sub("", option, count=1).strip() for option in options)
    return tuple(options)


def by_letter(row: Row, field: str, options: Sequence[str]) -> int:
    """Index of the option that a letter names (``C``, ``(C)``, ``C.``).

    Raises:
        CallerError: no such option.
    """
    value = row.get(field, str)
    letter = value.strip().strip("().")
    index = string.ascii_uppercase.find(letter) if len(letter) == 1 else -1
    if not 0 <= index < len(options):
        raise row.bad(field, f"the letter of one of {len(options)} options", value)
    return index


def by_text(row: Row, field: str, options: Sequence[str]) -> int:
    """Index of the option that is written out.

    Raises:
        CallerError: none or several are the same.
    """
    value = row.get(field, str)
    if options.count(value) != 1:
        raise row.bad(field, f"one of {list(options)!r:.200}", value)
    return options.index(value)


def by_index(row: Row, field: str, options: Sequence[str]) -> int:
    """Index of the option that a number from 0 names; text of digits will do, as CSV files have it.

    Raises:
        CallerError: no such option.
    """
    value = row.data.get(field)
    if value is None:
        return row.get(field, int)
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or int(text) >= len(options):
        raise row.bad(field, f"a number from 0 to {len(options) - 1}", value)
    return int(text)
