"""Questions over what the collection does not hold: no such relation, a country left out, nothing at all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Literal

from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.unanswerable.base import Asked, Base, spread
from foveate.evals.unanswerable.items import HALVES, SPLITS, Item, by_hash
from foveate.retrievers.training.countries.facts import Country

__all__ = ["UNTOLD", "evidence_items", "kept_documents", "missing_countries"]

_OPEN = 60
_HERE = 30
"""Answerable questions, and unanswerable ones, of the collection without some countries."""
_UNTOLD = 30
_EMPTY = 40
_SHARE = 5
"""One country of so many is left out."""
UNTOLD = (
    "Who is the head of state of {the}?",
    "What is the national anthem of {the} called?",
    "What is the highest mountain in {the}?",
    "What is the national dish of {the}?",
    "What is the longest river in {the}?",
    "Which language do most people in {the} speak?",
    "What is the life expectancy in {the}?",
    "On which side of the road do people drive in {the}?",
    "What is the main export of {the}?",
    "Which airport in {the} is the busiest?",
    "What is the most popular sport in {the}?",
    "How hot does it get in {the} in summer?",
)
"""What no document says of any country."""


def missing_countries(countries: Iterable[Country]) -> frozenset[str]:
    """Names of a fifth of the countries of each half: what the collection "part" may leave out."""
    by_half: dict[str, list[str]] = defaultdict(list)
    for country in countries:
        by_half[country.half].append(country.name)
    return frozenset(
        name for names in by_half.values() for name in by_hash(names, "part")[: max(1, len(names) // _SHARE)]
    )


def kept_documents(folder: Path, missing: Set[str]) -> list[str]:
    """Ids of all documents but those about some countries, their cities and their flags.

    Lists of land borders still name these: they answer no question about them.

    Args:
        folder: of the knowledge base.
        missing: names of countries.

    Raises:
        CallerError: a missing file or a wrong row.
    """
    rows = [*jsonl_rows(folder / "documents.jsonl")]
    titles = (row.get("title", str) for row in rows if row.get("id", str).startswith("countries/"))
    countries = {title.rpartition(":")[0] for title in titles}
    return [row.get("id", str) for row in rows if _subject(row, countries) not in missing]


def _subject(row: Row, countries: Set[str]) -> str:
    """The country that a document is about; empty for other pictures."""
    kind, title = row.get("id", str).partition("/")[0], row.get("title", str)
    if kind == "countries":
        return title.rpartition(":")[0]
    if kind == "cities":
        place = row.row("facts").row("country").get("sentence", int)
        # Beside the city's own name, which may hold a country's.
        return _named(row.texts("sentences")[place].replace(title, "", 1), countries)
    return _named(title, countries) if title.startswith("Flag of ") else ""


def _named(said: str, countries: Set[str]) -> str:
    """The longest name in a sentence: Guinea-Bissau rather than Guinea."""
    return max((name for name in countries if name in said), key=len, default="")


def evidence_items(base: Base) -> list[Item]:
    """``open``, ``no_evidence`` and ``empty`` of both splits."""
    kept = frozenset(kept_documents(base.folder, missing_countries(base.world.countries)))
    return [item for split in SPLITS for item in _of_split(base, split, kept)]


def _of_split(base: Base, split: str, kept: frozenset[str]) -> Iterator[Item]:
    half = base.asked(HALVES[split], "one_hop")
    here = [one for one in half if one.documents <= kept]
    gone = [one for one in half if not one.documents & kept]
    for one in spread(half, _OPEN, "open"):
        yield _item(one, split, "open", "kb")
    for one in spread(here, _HERE, "here"):
        yield _item(one, split, "open", "part")
    for one in spread(gone, _HERE, "gone"):
        yield _item(one, split, "no_evidence", "part")
    for one in spread(half, _EMPTY, "empty"):
        yield _item(one, split, "empty", "empty")
    yield from _untold(base, split)


def _item(one: Asked, split: str, form: str, collection: Literal["kb", "part", "empty"]) -> Item:
    return Item(
        id=f"kb/{form}/{collection}/{one.id}",
        split="train" if split == "train" else "test",
        source="kb",
        form=form,
        pair=f"kb/{form}/{collection}/{one.id}",
        group=one.country,
        question=one.text,
        answers=one.answers if form == "open" else (),
        collection=collection,
    )


def _untold(base: Base, split: str) -> Iterator[Item]:
    countries = by_hash(base.countries(HALVES[split]), "untold", name=lambda country: country.name)
    wordings = _repeated(UNTOLD, _UNTOLD)
    for country, text in zip(countries, wordings, strict=False):
        key = f"kb/no_evidence/untold/{country.name}"
        yield Item(
            id=key,
            split="train" if split == "train" else "test",
            source="kb",
            form="no_evidence",
            pair=key,
            group=country.name,
            question=text.format(the=country.the),
        )


def _repeated(texts: Sequence[str], count: int) -> list[str]:
    return [texts[number % len(texts)] for number in range(count)]
