"""What the items of the knowledge base are made of: its questions and documents, and what may be said of whom."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.unanswerable.items import by_hash
from foveate.retrievers.training.countries.facts import City, Country, World

__all__ = ["OWNERS", "Asked", "Base", "Half", "load", "spread", "told"]

Half = Literal["train", "held_out"]
OWNERS = frozenset(
    {
        "Australia", "China", "Denmark", "Finland", "France", "Israel", "Netherlands", "New Zealand", "Norway",
        "United Kingdom", "United States",
    }
)  # fmt: skip
"""What is said of these may be true of a territory of theirs, or of a place they contest: never a wrong option."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question of the knowledge base."""

    id: str
    text: str
    kind: str
    relation: str
    """What is asked for: "capital", "city_country"; of pictures, "flag" or "flag>capital"."""
    half: str
    country: str
    answers: tuple[str, ...]
    """Accepted forms, the plain one first."""
    documents: frozenset[str]
    """Ids of those that hold the facts."""
    picture: Path | None

    @property
    def value(self) -> str:
        """The answer as an option says it."""
        return self.answers[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The knowledge base."""

    folder: Path
    world: World
    questions: tuple[Asked, ...]
    """One hop, and pictures."""

    def asked(self, half: str, kind: str) -> list[Asked]:
        """Questions of one half and kind."""
        return [one for one in self.questions if one.half == half and one.kind == kind]

    def countries(self, half: str) -> list[Country]:
        """Countries of one half, by name."""
        return [country for country in self.world.countries if country.half == half]

    def cities(self, half: str) -> list[City]:
        """Cities of one half's countries, by name."""
        names = {country.name for country in self.countries(half)}
        return [city for city in self.world.cities if city.country in names]


def load(folder: Path, world: World) -> Base:
    """Read a built knowledge base.

    Args:
        folder: as its builder leaves it.
        world: that it was built of.

    Raises:
        CallerError: a missing file or a wrong row.
    """
    rows = jsonl_rows(folder / "questions.jsonl")
    kinds = ("one_hop", "picture")
    questions = tuple(_asked(row, folder) for row in rows if row.get("kind", str) in kinds)
    return Base(folder=folder, world=world, questions=questions)


def spread(questions: Iterable[Asked], count: int, *key: str) -> list[Asked]:
    """At most ``count``, in turn from each relation, in an order that hashes decide."""
    turns: Mapping[str, list[Asked]] = defaultdict(list)
    for one in by_hash(questions, *key, name=lambda one: one.id):
        turns[one.relation].append(one)
    order = [(turn, relation, one) for relation, found in turns.items() for turn, one in enumerate(found)]
    return [one for _, _, one in sorted(order, key=lambda item: item[:2])[:count]]


def told(values: Sequence[str]) -> set[str]:
    """Values as they are compared."""
    return {value.casefold() for value in values}


def _asked(row: Row, folder: Path) -> Asked:
    picture = row.find("picture", str)
    return Asked(
        id=row.get("id", str),
        text=row.get("text", str),
        kind=row.get("kind", str),
        relation=row.get("relation", str),
        half=row.get("half", str),
        country=row.texts("countries")[0],
        answers=row.texts("answers"),
        documents=frozenset(fact[0] for step in row.get("facts", list) for fact in step),
        picture=None if picture is None else folder / "question_pictures" / f"{picture}.png",
    )
