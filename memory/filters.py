"""Filters over payloads: typed values, the language people write them in, and what they mean.

The language is a list of ``key:value`` terms, all of which must hold::

    kind:image path:"my holiday/" date:2024-05..2024-08 -format:gif

A leading ``-`` turns a term round; a comma gives alternatives (``kind:image,film``); quotes protect blanks,
commas and quotes. :meth:`Filter.matches` is the meaning; every store must agree with it, and
``tests/contracts/store.py`` compares them.
"""

import calendar
import difflib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal, get_args

from foveate.errors import CallerError
from foveate.records import MediaKind, Part

__all__ = [
    "INDEXED",
    "KEYS",
    "Condition",
    "DateRange",
    "Filter",
    "OneOf",
    "PathPrefix",
    "check_date",
    "parse",
    "path_keys",
]

OneOfKey = Literal["kind", "part", "format", "media"]

_FIELDS: dict[str, str] = {"kind": "kind", "part": "part", "format": "format", "media": "media"}
DATE_FIELD = "date"
PATH_FIELD = "path_keys"

INDEXED: tuple[str, ...] = (*_FIELDS.values(), DATE_FIELD, PATH_FIELD)
"""Payload keys that filters read: what ``StoreSpec.indexed`` of a collection should hold."""

KEYS: tuple[str, ...] = (*_FIELDS, "path", "date")
"""Keys of the filter language."""

_CHOICES: dict[str, tuple[str, ...]] = {"kind": get_args(MediaKind), "part": get_args(Part)}
# What people type for what the file's content says.
_FORMAT_NAMES = {"jpg": "jpeg", "tif": "tiff", "md": "markdown", "htm": "html", "txt": "text"}


def path_keys(path: str) -> list[str]:
    """What a payload's ``path_keys`` holds of one path: the path and each tail that starts at a component.

    ``/a/b/c.png`` gives ``/a/b/c.png``, ``a/b/c.png``, ``b/c.png``, ``c.png``. A path condition is then a
    prefix match on these keys, which an engine answers from a sorted keyword index; their number is the
    path's depth. Unicode is composed (macOS stores decomposed names) and bytes that are no UTF-8 become
    U+FFFD, because engines take no surrogates.
    """
    whole = _plain(path.replace(os.sep, "/"))
    starts = [match.start() for match in re.finditer(r"(?<=/)[^/]|^.", whole, re.DOTALL)]
    return [whole[start:] for start in starts]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", re.sub("[\ud800-\udfff]", "\ufffd", text))


@dataclass(frozen=True, kw_only=True, slots=True)
class OneOf:
    """The payload's value is one of these."""

    key: OneOfKey
    values: tuple[str, ...]
    """At least one; kept sorted and without repeats, so that equal conditions compare equal."""
    negated: bool = False

    def __post_init__(self) -> None:
        if self.key not in _FIELDS:
            raise CallerError(f"filter key {self.key!r} must be one of {sorted(_FIELDS)}{_hint(self.key, _FIELDS)}")
        values = tuple(sorted({_checked_value(self.key, value) for value in self.values}))
        if not values:
            raise CallerError(f"filter key {self.key!r} needs a value")
        object.__setattr__(self, "values", values)

    @property
    def field(self) -> str:
        """The payload key."""
        return _FIELDS[self.key]

    def holds(self, payload: Mapping[str, Any]) -> bool:
        """Whether the payload fits, leaving ``negated`` out."""
        return any(value in self.values for value in _listed(payload.get(self.field)))

    def __str__(self) -> str:
        return f"{self.key}:{','.join(map(_quote, self.values))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PathPrefix:
    """One of the media's paths, or a tail of it from some component on, starts with one of these."""

    prefixes: tuple[str, ...]
    negated: bool = False
    field = PATH_FIELD

    def __post_init__(self) -> None:
        prefixes = tuple(sorted({_plain(prefix) for prefix in self.prefixes}))
        if not prefixes or not all(prefixes):
            raise CallerError("filter key 'path' needs the start of a path, folder or file name")
        for prefix in prefixes:
            if "*" in prefix:
                raise CallerError(
                    f"path {prefix!r} holds '*': patterns are not known; give the start of a path, folder or "
                    "file name, or format: for an ending"
                )
        object.__setattr__(self, "prefixes", prefixes)

    def holds(self, payload: Mapping[str, Any]) -> bool:
        """Whether the payload fits, leaving ``negated`` out."""
        keys = [key for key in _listed(payload.get(PATH_FIELD)) if isinstance(key, str)]
        return any(key.startswith(self.prefixes) for key in keys)

    def __str__(self) -> str:
        return f"path:{','.join(map(_quote, self.prefixes))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DateRange:
    """The payload's ``date`` lies between two days, both included; None leaves that side open.

    A date without a zone is taken as written; one with a zone is compared by its UTC day.
    """

    first: date | None
    last: date | None
    negated: bool = False
    field = DATE_FIELD

    def __post_init__(self) -> None:
        if self.first is None and self.last is None:
            raise CallerError("filter key 'date' needs a date, as in date:2024-05 or date:2024-05-01..")
        if self.first and self.last and self.first > self.last:
            raise CallerError(f"date range {self.first}..{self.last} ends before it begins")

    @property
    def lower(self) -> datetime | None:
        """First instant of the range, UTC."""
        return datetime.combine(self.first, time.min, UTC) if self.first else None

    @property
    def upper(self) -> datetime | None:
        """Last microsecond of the range, UTC."""
        return datetime.combine(self.last, time.max, UTC) if self.last else None

    def holds(self, payload: Mapping[str, Any]) -> bool:
        """Whether the payload fits, leaving ``negated`` out."""
        moments = [check_date(value) for value in _listed(payload.get(DATE_FIELD)) if isinstance(value, str)]
        low, high = self.lower, self.upper
        return any(
            moment is not None and (low is None or low <= moment) and (high is None or moment <= high)
            for moment in moments
        )

    def __str__(self) -> str:
        if self.first == self.last:
            return f"date:{self.first}"
        return f"date:{self.first or ''}..{self.last or ''}"


Condition = OneOf | PathPrefix | DateRange


@dataclass(frozen=True, slots=True)
class Filter:
    """All of some conditions, whatever their order or repeats. Hashable. Empty: every point."""

    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        ordered = sorted(set(self.conditions), key=lambda one: (str(one), one.negated))
        object.__setattr__(self, "conditions", tuple(ordered))

    def matches(self, payload: Mapping[str, Any]) -> bool:
        """Whether the payload fits. A key it lacks fits no condition, and so every negated one."""
        return all(one.holds(payload) is not one.negated for one in self.conditions)

    def __and__(self, other: "Filter") -> "Filter":
        return Filter(self.conditions + other.conditions)

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __str__(self) -> str:
        """The expression that :func:`parse` turns back into this filter."""
        return " ".join(("-" if one.negated else "") + str(one) for one in self.conditions)


# The shapes that Qdrant's date index and datetime.fromisoformat both read, and read alike.
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?)?)?", re.ASCII)


def check_date(text: str) -> datetime | None:
    """The instant a payload date stands for, or None when filters cannot read it (it then fits no range)."""
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _listed(value: Any) -> Sequence[Any]:
    # Engines treat a list as "any element".
    return value if isinstance(value, list | tuple) else (value,)


def _hint(word: str, choices: Mapping[str, object] | Sequence[str]) -> str:
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _checked_value(key: str, value: str) -> str:
    value = value.lower()
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise CallerError(
                f"filter {key}:{value!r} must be one of {list(_CHOICES[key])}{_hint(value, _CHOICES[key])}"
            )
    elif key == "media":
        if not re.fullmatch("[0-9a-f]{32}", value):
            raise CallerError(f"filter media:{value!r} must be a media id, 32 hexadecimal digits")
    elif not re.fullmatch(r"[a-z0-9][a-z0-9.+_-]*", value):
        raise CallerError(f"filter format:{value!r} must be a format name such as 'png', 'pdf' or 'mp4'")
    return _FORMAT_NAMES.get(value, value) if key == "format" else value


_QUOTED = r'"(?:[^"\\]|\\.)*"'
_VALUE = rf'(?:{_QUOTED}|[^\s,"]+)'
_TERM = re.compile(rf"\s*(-?)([^\s:\",]+):({_VALUE}(?:,{_VALUE})*)(?=\s|$)", re.DOTALL)


def _quote(value: str) -> str:
    if re.fullmatch(r'[^\s,"\\]+', value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _values(listed: str) -> Iterator[str]:
    for item in re.findall(_VALUE, listed, re.DOTALL):
        yield re.sub(r"\\(.)", r"\1", item[1:-1], flags=re.DOTALL) if item.startswith('"') else item


_PERIOD = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", re.ASCII)


def _period(text: str) -> tuple[date, date]:
    """First and last day of a year, month or day."""
    match = _PERIOD.fullmatch(text)
    try:
        if not match:
            raise ValueError("not a date")
        year, month, day = (int(part) if part else None for part in match.groups())
        assert year is not None
        last_month = month or 12
        last_day = day or calendar.monthrange(year, last_month)[1]
        return date(year, month or 1, day or 1), date(year, last_month, last_day)
    except (ValueError, IndexError) as error:
        raise CallerError(f"date {text!r} must be YYYY, YYYY-MM or YYYY-MM-DD ({error})") from None


def _date_range(text: str, negated: bool) -> DateRange:
    start, dots, end = text.partition("..")
    if not dots:
        first, last = _period(text)
        return DateRange(first=first, last=last, negated=negated)
    return DateRange(first=_period(start)[0] if start else None, last=_period(end)[1] if end else None, negated=negated)


def _condition(key: str, values: tuple[str, ...], negated: bool) -> Condition:
    if key == "path":
        return PathPrefix(prefixes=values, negated=negated)
    if key == "date":
        if len(values) > 1:
            raise CallerError(f"filter key 'date' takes one date or range, not {list(values)!r}")
        return _date_range(values[0], negated)
    if key in _FIELDS:
        return OneOf(key=key, values=values, negated=negated)  # type: ignore[arg-type]
    raise CallerError(f"filter key {key!r} must be one of {list(KEYS)}{_hint(key, KEYS)}")


def parse(expression: str) -> Filter:
    """Read a filter expression.

    Raises:
        CallerError: a term is no ``key:value``, or its key or value is not known.
    """
    conditions: list[Condition] = []
    at = 0
    while expression[at:].strip():
        term = _TERM.match(expression, at)
        if term is None:
            rest = expression[at:].split()[0]
            raise CallerError(f"filter term {rest!r} must be key:value with a key of {list(KEYS)}, quotes closed")
        minus, key, listed = term.groups()
        conditions.append(_condition(key, tuple(_values(listed)), bool(minus)))
        at = term.end()
    return Filter(tuple(conditions))
