"""What the failure browser shows of a sample, as plain words: everything here came from data."""

import math
from collections.abc import Sequence
from typing import Any

from foveate.evals.report.failures import Failure
from foveate.evals.report.figures import number
from foveate.evals.report.pictures import Resolve, Thumbnails, pictures_of
from foveate.evals.report.rows import Said, SampleRow
from foveate.evals.report.words import clean

__all__ = ["card"]

_ANSWERS = 8
_RANKS = 5
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def card(failure: Failure, thumbnails: Thumbnails, resolve: Resolve | None) -> dict[str, Any]:
    """One sample's card for the template."""
    row, said = failure.row, failure.row.said
    return {
        "id": clean(row.id),
        "kind": failure.kind,
        "slices": [f"{clean(key)}: {clean(value)}" for key, value in sorted(row.slices.items())],
        "scores": [(clean(name), number(value)) for name, value in failure.scores.items()],
        "question": clean(row.text),
        "options": [(_letter(place), clean(text), place == row.choice) for place, text in enumerate(row.options)],
        "expected": _expected(row),
        "came": _came(row, said),
        "error": clean(row.error) if row.error is not None else None,
        "evidence": [_citation(found) for found in (said.evidence if said else ())],
        "pictures": [
            {"title": clean(found.title), "role": found.role, "uri": thumbnails.uri(found.path)}
            for found in pictures_of(row, resolve)
        ],
    }


def _expected(row: SampleRow) -> list[tuple[str, str]]:
    """Name and words of what is right."""
    found = []
    if row.answers:
        found.append(("answer", _listed(row.answers, _ANSWERS)))
    if row.choice is not None:
        found.append(("option", _option(row, row.choice)))
    if row.label is not None:
        found.append(("label", clean(row.label)))
    right = sorted((name for name, gain in row.relevant.items() if gain > 0), key=lambda n: (-row.relevant[n], n))
    if row.exclude:
        found.append(("without", clean(row.exclude, 300)))
    if right:
        found.append(("documents", _listed(right, _ANSWERS)))
    if row.answerable is not None:
        found.append(("answerable", "yes" if row.answerable else "no: a right system abstains"))
    return found


def _came(row: SampleRow, said: Said | None) -> list[tuple[str, str]]:
    """Name and words of what the system said; empty where it said nothing."""
    if said is None:
        return []
    found = []
    if said.text is not None:
        found.append(("answer", clean(said.text)))
    if said.choice is not None:
        found.append(("option", _option(row, said.choice)))
    if said.label is not None:
        found.append(("label", clean(said.label)))
    if said.ranking is not None:
        found.append(("ranking", _ranking(row, said.ranking)))
    if said.verdict is not None:
        why = f": {clean(said.reason)}" if said.reason not in (None, "none") else ""
        found.append(("verdict", clean(said.verdict) + why))
    if said.confidence is not None:
        found.append(("confidence", f"{said.confidence:.1%}"))
    return found


def _ranking(row: SampleRow, ranking: Sequence[tuple[str, float]]) -> str:
    if not ranking:
        return "nothing was found"
    lines = [
        f"{place}. {clean(name)} {_score(score)}" + (" ✓" if row.relevant.get(name, 0.0) > 0 else "")
        for place, (name, score) in enumerate(ranking[:_RANKS], 1)
    ]
    deeper = [
        f"{place}. {clean(name)} {_score(score)} ✓"
        for place, (name, score) in enumerate(ranking[_RANKS:], _RANKS + 1)
        if row.relevant.get(name, 0.0) > 0
    ]
    return "\n".join([*lines, *(["…", *deeper] if deeper else [])])


def _score(score: float) -> str:
    return f"({score:.4g})" if math.isfinite(score) else ""


def _citation(found: Any) -> dict[str, str]:
    return {key: clean(found[key], 300) if found.get(key) else "" for key in ("source", "where", "quote")}


def _option(row: SampleRow, choice: int) -> str:
    name = _letter(choice)
    return f"{name}: {clean(row.options[choice], 200)}" if 0 <= choice < len(row.options) else name


def _letter(place: int) -> str:
    return _LETTERS[place] if 0 <= place < len(_LETTERS) else str(place)


def _listed(words: Sequence[str], most: int) -> str:
    distinct = list(dict.fromkeys(words))
    more = f" and {len(distinct) - most} more" if len(distinct) > most else ""
    return " | ".join(clean(word, 200) for word in distinct[:most]) + more
