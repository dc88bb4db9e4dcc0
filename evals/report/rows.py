"""Lines of a ``TASK.jsonl`` as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns
from foveate.evals.reading.rows import Row

__all__ = ["Said", "SampleRow", "columns", "sample_row"]


NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What came of one sample. None is "did not say"."""

    text: str | None = None
    ranking: tuple[tuple[str, float], ...] | None = None
    """(document id, score); a score that nobody kept is NaN."""
    choice: int | None = None
    label: str | None = None
    verdict: str | None = None
    reason: str | None = None
    confidence: float | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    """Citations with ``source``, ``where`` and ``quote``."""
    usage: Mapping[str, float] = field(default_factory=dict)
    """Counts: tokens, pictures, frames, hops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRow:
    """One sample with what came and how it was scored."""

    id: str
    where: str
    """File and line it was read from."""
    group: str
    """Media it shares with others; its own id where it stands alone."""
    slices: Mapping[str, str]
    text: str
    exclude: str
    """What must not be found; empty where nothing is said."""
    images: tuple[str, ...]
    options: tuple[str, ...]
    image_options: tuple[str, ...]
    """Paths of pictures to choose from."""
    answers: tuple[str, ...]
    relevant: Mapping[str, float]
    answerable: bool | None
    choice: int | None
    """Index of the right option; None where the line does not say."""
    label: str | None
    """Right class; None where the line does not say."""
    said: Said | None
    """None where the sample failed."""
    error: str | None
    """``ServiceError: no answer in 60 s``; None where it did not fail."""
    scores: Mapping[str, tuple[float, ...]]
    """Columns by metric, NaN for what was not scored; a metric without columns is absent."""
    pictures: Mapping[str, str]
    """Document id -> path of its picture, where the line names them."""


def sample_row(row: Row) -> SampleRow:
    """One line as a record.

    Raises:
        CallerError: a field that is not what docs/eval-format.md says; names file, line, field and value.
    """
    name, sample = row.get("id", str), row.row("sample")
    return SampleRow(
        id=name,
        where=row.where,
        group=row.get("group", str, "") or name,
        slices=_texts(row, "slices"),
        text=sample.get("text", str, ""),
        images=_list(sample, "images"),
        options=_list(sample, "options"),
        image_options=_list(sample, "image_options"),
        exclude=sample.get("exclude", str, ""),
        answers=_list(sample, "answers"),
        relevant=_numbers(sample, "relevant"),
        answerable=sample.find("answerable", bool),
        choice=sample.find("choice", int),
        label=sample.find("label", str),
        said=_said(row.row("output")) if row.data.get("output") is not None else None,
        error=_error(row),
        scores=_scores(row),
        pictures=_texts(row, "pictures"),
    )


def columns(rows: tuple[SampleRow, ...], metric: str) -> Columns:
    """(n, c) of one metric, a row of NaN where a sample has none; (n, 1) when no sample has any.

    Raises:
        CallerError: lines with different numbers of columns.
    """
    wide = next((len(row.scores[metric]) for row in rows if metric in row.scores), 1)
    found = np.full((len(rows), wide), np.nan)
    for number, row in enumerate(rows):
        values = row.scores.get(metric)
        if values is None:
            continue
        if len(values) != wide:
            raise CallerError(f"{row.where}: {metric!r} has {len(values)} columns, the lines before have {wide}")
        found[number] = values
    return found


def _said(row: Row) -> Said:
    return Said(
        text=row.find("text", str),
        ranking=_ranking(row),
        choice=row.find("choice", int),
        label=row.find("label", str),
        verdict=row.find("verdict", str),
        reason=row.find("reason", str),
        confidence=row.find("confidence", float),
        evidence=tuple(found.data for found in row.rows("evidence")) if row.data.get("evidence") else (),
        usage=_numbers(row, "usage", skip=("seconds",)),
    )


def _ranking(row: Row) -> tuple[tuple[str, float], ...] | None:
    found = row.find("ranking", list)
    if found is None:
        return None
    for pair in found:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)) or not _maybe(pair[1]):
            raise row.bad("ranking", "a list of [document id, score]", pair)
    return tuple((name, NAN if score is None else float(score)) for name, score in found)


def _error(row: Row) -> str | None:
    if row.data.get("error") is None:
        return None
    error = row.row("error")
    return f"{error.get('type', str)}: {error.get('message', str, '')}"


def _scores(row: Row) -> dict[str, tuple[float, ...]]:
    """A failed sample may have null for all, for a metric or for each column: all three are NaN."""
    if row.data.get("scores") is None:
        return {}
    scores = row.row("scores")
    found = {}
    for metric, values in scores.data.items():
        if values is None:
            continue
        if not isinstance(values, list) or not all(_maybe(value) for value in values):
            raise scores.bad(metric, "a list of numbers and nulls", values)
        if values and not all(value is None for value in values):
            found[metric] = tuple(NAN if value is None else float(value) for value in values)
    return found


def _list(row: Row, field: str) -> tuple[str, ...]:
    return () if row.data.get(field) is None else row.texts(field)


def _texts(row: Row, field: str) -> dict[str, str]:
    if row.data.get(field) is None:
        return {}
    inner = row.row(field)
    return {name: inner.get(name, str) for name in inner.data}


def _numbers(row: Row, field: str, skip: tuple[str, ...] = ()) -> dict[str, float]:
    if row.data.get(field) is None:
        return {}
    inner = row.row(field)
    return {name: inner.get(name, float) for name in inner.data if name not in skip and inner.data[name] is not None}


def _maybe(value: object) -> bool:
    """A number or null; to Python true is a number, to a run folder it is not."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
