"""Where overlap of words and entailment disagree: a hand-written set, and claims among evidence that sounds alike.

Verifiers lean on shared words (McCoy, Pavlick and Linzen, ACL 2019: HANS). In ``examples/overlap.jsonl`` half of the
claims that nothing entails share nearly all their words with the evidence, and some that are entailed share hardly any.
:func:`mixed` makes pools of the same kind: what tells of a claim stands among facts of the same thing and the same
fact of other things.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.rerankers.reasoning.entailment import LABELS, Label

__all__ = ["FAMILIES", "HIGH", "Item", "Mixed", "mixed", "overlap", "read_items"]

FAMILIES = (
    "attribution",
    "comparison",
    "irrelevant",
    "names",
    "negation",
    "paraphrase",
    "plain",
    "quantity",
    "scope",
    "swapped",
)
HIGH = 0.75
"""Overlap from which a claim counts as one that shares its words with the evidence."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One pair with what is right."""

    id: str
    family: str
    """What the pair tests; one of :data:`FAMILIES`."""
    label: Label
    evidence: str
    claim: str
    overlap: float
    """Share of the claim's words that stand in the evidence, in [0, 1]."""

    @property
    def misleading(self) -> bool:
        """Whether the words are there and the claim is not entailed."""
        return self.overlap >= HIGH and self.label != "entailed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixed:
    """A claim and a pool in which at most one text tells of it."""

    claim: str
    label: Label
    texts: tuple[str, ...]
    telling: int | None
    """Position of the one that does; None for a neutral claim."""


def overlap(claim: str, evidence: str) -> float:
    """Share of the claim's distinct words, whatever their case, that stand in the evidence; four decimals."""
    words = set(_WORD.findall(claim.casefold()))
    return round(len(words & set(_WORD.findall(evidence.casefold()))) / len(words), 4) if words else 0.0


def read_items(path: Path) -> list[Item]:
    """Read the file, a JSON object a line: ``{id, family, label, evidence, claim, overlap}``.

    Raises:
        CallerError: no such file, or a wrong row; names the line, the field and the value.
    """
    found = [_item(row) for row in jsonl_rows(path)]
    names = [item.id for item in found]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise CallerError(f"{path.name}: id {twice[0]!r} stands twice")
    return found


def _item(row: Row) -> Item:
    evidence, claim = row.get("evidence", str), row.get("claim", str)
    family = row.get("family", str)
    if family not in FAMILIES:
        raise row.bad("family", f"one of {', '.join(FAMILIES)}", family)
    said = row.get("label", str)
    label = next((one for one in LABELS if one == said), None)
    if label is None:
        raise row.bad("label", f"one of {', '.join(LABELS)}", said)
    if row.get("overlap", float) != overlap(claim, evidence):
        raise row.bad("overlap", f"{overlap(claim, evidence)}, as counted", row.get("overlap", float))
    return Item(
        id=row.get("id", str),
        family=family,
        label=label,
        evidence=evidence,
        claim=claim,
        overlap=overlap(claim, evidence),
    )


# ---- pools

_THINGS = ("mill", "lighthouse", "chapel", "school", "bakery", "observatory", "tannery", "ferry house")
_PLACES = ("Orrin", "Veld", "Tarrow", "Sankt Hove", "Dale End", "Quillby", "Ostmark Bay", "Lower Brandon", "Fennick")
_FACTS = (
    ("The {thing} of {place} was built in {value}.", ("1788", "1811", "1856", "1902", "1931", "1958")),
    ("The {thing} of {place} is painted {value}.", ("green", "yellow", "white", "dark red", "blue", "grey")),
    ("The {thing} of {place} is looked after by {value}.", ("Ida Krogh", "Tobin Fenn", "Greta Vos", "Nils Arden")),
    ("The {thing} of {place} has {value} windows.", ("six", "nine", "fourteen", "twenty", "thirty-one")),
    ("The {thing} of {place} is closed on {value}.", ("Monday", "Tuesday", "Thursday", "Sunday")),
    ("The roof of the {thing} of {place} is made of {value}.", ("slate", "copper", "reed", "oak shingles")),
)


def mixed(count: int, *, others: int = 4, seed: int = 0) -> list[Mixed]:
    """Invented claims, a third of each label, each with one telling text at most.

    Beside it stand two texts of the same fact of other things (one has the claim's own value, one another value) and
    ``others`` different facts of the thing itself.

    Args:
        count: how many claims.
        others: facts of the thing itself, up to 5.
        seed: of the draw.

    Raises:
        CallerError: more other facts than there are.
    """
    if not 0 <= others < len(_FACTS):
        raise CallerError(f"others is {others!r}; allowed are 0 to {len(_FACTS) - 1}")
    draw = random.Random(seed)
    return [_mixed(LABELS[number % 3], others, draw) for number in range(count)]


def _mixed(label: Label, others: int, draw: random.Random) -> Mixed:
    thing = draw.choice(_THINGS)
    place, second, third = draw.sample(_PLACES, 3)
    frame, values = draw.choice(_FACTS)
    value, other = draw.sample(values, 2)
    claim = frame.format(thing=thing, place=place, value=value)
    texts = [
        frame.format(thing=thing, place=second, value=value),
        frame.format(thing=thing, place=third, value=other),
        *_facts(thing, place, draw.sample([fact for fact in _FACTS if fact[0] != frame], others), draw),
    ]
    telling = None
    if label != "neutral":
        telling = frame.format(thing=thing, place=place, value=value if label == "entailed" else other)
        texts.append(telling)
    draw.shuffle(texts)
    at = None if telling is None else texts.index(telling)
    return Mixed(claim=claim, label=label, texts=tuple(texts), telling=at)


def _facts(thing: str, place: str, frames: Sequence[tuple[str, tuple[str, ...]]], draw: random.Random) -> list[str]:
    return [frame.format(thing=thing, place=place, value=draw.choice(values)) for frame, values in frames]
