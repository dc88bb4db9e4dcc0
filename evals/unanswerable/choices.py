"""Multiple choice over the knowledge base in MM-UPD's forms: in words, and with the flag of a country as picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from foveate.evals.unanswerable.base import OWNERS, Asked, Base, spread, told
from foveate.evals.unanswerable.items import HALVES, SPLITS, Item, by_hash, offered
from foveate.evals.unanswerable.names import Named

__all__ = ["choice_items"]

_TEXT_BASES = 70
_PICTURE_BASES = 40
_OTHERS = 3
_NO_FLAG = ("animal", "food", "plant")
"""Categories of pictures in which no flag flies, as it may over a castle."""
_TYPES = {
    "area": "size", "calling": "size", "capital": "place", "city_country": "place", "city_population": "size",
    "currency": "money", "demonym": "people", "flag": "place", "population": "size", "subregion": "place",
    "tld": "domain",
}  # fmt: skip
"""Relation -> type of its answers: options of another type are out of place. Time zones of two names can be one time
(Africa/Dakar and Africa/Abidjan), so they are not offered."""
# Legal tender of more countries than the data says (Panama, Bhutan, Lesotho ...), or within another subregion.
_NEVER_WRONG = frozenset(
    {
        "us dollar", "euro", "south african rand", "indian rupee", "pound sterling", "australian dollar",
        "new zealand dollar", "danish krone", "swiss franc", "russian ruble", "channel islands",
    }
)  # fmt: skip


def choice_items(base: Base, pictures: Sequence[tuple[str, Named]]) -> list[Item]:
    """All multiple-choice items.

    Args:
        base: the knowledge base.
        pictures: (split, stamp) to take foreign pictures from.
    """
    items: list[Item] = []
    for split in SPLITS:
        for kind, count in (("one_hop", _TEXT_BASES), ("picture", _PICTURE_BASES)):
            stamps = [one.stamp.path for side, one in pictures if side == split and one.category in _NO_FLAG]
            items += _of_kind(base, split, kind, count, stamps)
    return items


def _of_kind(base: Base, split: str, kind: str, count: int, stamps: Sequence[Path]) -> Iterator[Item]:
    there = base.asked(HALVES[split], kind)
    fit = [one for one in there if _asked_for(one) in _TYPES and one.value.casefold() != "channel islands"]
    for one in spread(fit, count, "choice", kind):
        others = _wrong(one, there)
        strange = _strange(one, there)
        if len(others) == _OTHERS and strange:
            yield from _forms(one, split, others, strange, stamps)


def _asked_for(one: Asked) -> str:
    return one.relation.rpartition(">")[2]


def _wrong(one: Asked, there: Sequence[Asked]) -> tuple[str, ...]:
    """Answers to the same question about other countries."""
    rivals = [other for other in there if _asked_for(other) == _asked_for(one) and other.country not in OWNERS]
    chosen: list[str] = []
    for value in by_hash({other.value for other in rivals}, one.id):
        taken = told((*one.answers, *chosen))
        if len(chosen) < _OTHERS and not any(_same(value.casefold(), other) for other in taken):
            chosen += [] if value.casefold() in _NEVER_WRONG else [value]
    return tuple(chosen)


def _same(one: str, other: str) -> bool:
    """Equal, or one the start of the other: +1 and +1264, Guinea and Guinea-Bissau."""
    return one.startswith(other) or other.startswith(one)


def _strange(one: Asked, there: Sequence[Asked]) -> tuple[str, ...]:
    """Answers to a question of another type about other countries."""
    types = by_hash(set(_TYPES.values()) - {_TYPES[_asked_for(one)]}, "iasd", one.id)
    for kind in types:
        relations = {_asked_for(other) for other in there if _TYPES.get(_asked_for(other)) == kind}
        for relation in by_hash(relations, one.id):
            values = {
                other.value for other in there if _asked_for(other) == relation and other.country != one.country
            } - {one.value}
            if len(values) >= _OTHERS:
                return tuple(by_hash(values, "iasd", one.id)[:_OTHERS])
    return ()


def _forms(
    one: Asked, split: str, others: Sequence[str], strange: Sequence[str], stamps: Sequence[Path]
) -> Iterator[Item]:
    options, choice = offered(one.value, others, one.id, "standard")
    first = Item(
        id=f"kb/standard/{one.id}",
        split="train" if split == "train" else "test",
        source="kb",
        form="standard",
        pair=f"kb/{one.id}",
        group=one.country,
        question=one.text,
        options=options,
        choice=choice,
        answers=one.answers,
        picture=None if one.picture is None else str(one.picture),
    )
    nothing = replace(first, choice=None, answers=())
    yield first
    absent, _ = offered(one.value, others, one.id, "aad")
    yield replace(nothing, id=f"kb/aad/{one.id}", form="aad", options=absent)
    yield replace(nothing, id=f"kb/iasd/{one.id}", form="iasd", options=tuple(strange))
    if one.picture is not None:
        picture = by_hash(stamps, "ivqd", one.id, name=lambda path: path.name)[0]
        yield replace(nothing, id=f"kb/ivqd/{one.id}", form="ivqd", picture=str(picture))
