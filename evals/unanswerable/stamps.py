"""Multiple choice over the stamps in MM-UPD's forms (Miyai et al., ACL 2025): what does this picture show?

A stamp's concept is its noun; each concept is on one side of the split, and so are the options and pictures that are
taken from others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from foveate.evals.unanswerable.items import NONE, SPLITS, Item, by_hash, offered
from foveate.evals.unanswerable.kinship import Kinship
from foveate.evals.unanswerable.names import QUESTIONS, Named, foreign
from foveate.ids import digest

__all__ = ["OPTION_BASES", "sides", "stamp_items"]

OPTION_BASES = 60
"""Bases of a split that are asked again with "none of the above"."""
_OTHERS = 3
"""Wrong options of a question whose right one was taken out; with it, one less."""
_SAME_LABEL = 3
"""At most so many stamps of one label are asked about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Base:
    asked: Named
    others: tuple[str, ...]
    """Labels of the same category that are not true of the picture."""


def sides(named: Sequence[Named]) -> dict[str, str]:
    """Concept -> split; of each category, both have as many concepts, and stamps as evenly as that allows.

    A concept that comes or goes moves others across: what was trained on the one half has to be trained again.
    """
    by_concept: dict[str, list[Named]] = defaultdict(list)
    for one in named:
        by_concept[one.concept].append(one)
    concepts: Counter[tuple[str, str]] = Counter()
    stamps: Counter[tuple[str, str]] = Counter()
    found = {}
    for concept in sorted(by_concept, key=lambda concept: (-len(by_concept[concept]), digest("side", concept))):
        category = by_concept[concept][0].category
        places = [(split, category) for split in by_hash(SPLITS, "side", concept)]
        place = min(places, key=lambda place: (concepts[place], stamps[place]))
        concepts[place] += 1
        stamps[place] += len(by_concept[concept])
        found[concept] = place[0]
    return found


def stamp_items(named: Sequence[Named], kinship: Kinship) -> list[Item]:
    """All items of both splits, those of the ``option`` setting last within a split."""
    side = sides(named)
    items: list[Item] = []
    for split in SPLITS:
        there = [one for one in named if side[one.concept] == split]
        bases = list(_bases(there, kinship))
        groups = [group for base in bases if (group := list(_forms(base, bases, there, split, kinship)))]
        items += [item for group in groups for item in group]
        again = by_hash(groups, "again", name=lambda group: group[0].id)[:OPTION_BASES]
        items += [_with_none(item) for group in again for item in group]
    return items


def _bases(there: Sequence[Named], kinship: Kinship) -> Iterator[_Base]:
    labels: Mapping[str, list[str]] = {
        category: sorted({one.label for one in there if one.category == category}) for category in QUESTIONS
    }
    asked: Counter[str] = Counter()
    for one in sorted(there, key=lambda one: digest("base", one.stamp.key)):
        asked[one.label] += 1
        others = _unlike(one.label, by_hash(labels[one.category], one.stamp.key), kinship)
        if asked[one.label] <= _SAME_LABEL and len(others) == _OTHERS:
            yield _Base(asked=one, others=others)


def _unlike(label: str, candidates: Sequence[str], kinship: Kinship) -> tuple[str, ...]:
    """The first few that are related neither to the label nor to each other."""
    chosen: list[str] = []
    for candidate in candidates:
        if len(chosen) < _OTHERS and not any(kinship.related(candidate, one) for one in (label, *chosen)):
            chosen.append(candidate)
    return tuple(chosen)


def _forms(base: _Base, bases: Sequence[_Base], there: Sequence[Named], split: str, kinship: Kinship) -> Iterator[Item]:
    """The four forms of a base; none at all where one of them cannot be made."""
    key = base.asked.stamp.key
    rivals = by_hash(bases, "iasd", key, name=lambda one: one.asked.stamp.key)
    other = next((one for one in rivals if _foreign_options(base, one, kinship)), None)
    shown = by_hash(there, "ivqd", key, name=lambda one: one.stamp.key)
    picture = next((one for one in shown if _foreign_picture(base, one, kinship)), None)
    if other is None or picture is None:
        return
    options, choice = offered(base.asked.label, base.others, key, "standard")
    first = Item(
        id=f"stamps/standard/{key}",
        split="train" if split == "train" else "test",
        source="stamps",
        form="standard",
        pair=f"stamps/{key}",
        group=base.asked.concept,
        question=QUESTIONS[base.asked.category],
        options=options,
        choice=choice,
        answers=(base.asked.label,),
        picture=str(base.asked.stamp.path),
    )
    yield first
    absent, _ = offered(base.asked.label, base.others, key, "aad")
    strange, _ = offered(other.asked.label, other.others, other.asked.stamp.key, "standard")
    yield replace(first, id=f"stamps/aad/{key}", form="aad", options=absent, choice=None, answers=())
    yield replace(first, id=f"stamps/iasd/{key}", form="iasd", options=strange, choice=None, answers=())
    strange_picture = str(picture.stamp.path)
    yield replace(first, id=f"stamps/ivqd/{key}", form="ivqd", picture=strange_picture, choice=None, answers=())


def _foreign_options(base: _Base, other: _Base, kinship: Kinship) -> bool:
    """Whether another question's options are out of place here, and none is true of the picture."""
    label, options = base.asked.label, (other.asked.label, *other.others)
    out_of_place = foreign(base.asked.category, other.asked.category, (label, *options))
    return out_of_place and not any(kinship.related(label, option) for option in options)


def _foreign_picture(base: _Base, other: Named, kinship: Kinship) -> bool:
    """Whether the question is out of place before another picture, and no option is true of it."""
    options = (base.asked.label, *base.others)
    out_of_place = foreign(base.asked.category, other.category, (other.label, *options))
    return out_of_place and not any(kinship.related(other.label, option) for option in options)


def _with_none(item: Item) -> Item:
    choice = len(item.options) if item.choice is None else item.choice
    return replace(
        item,
        id=f"{item.id}/option",
        setting="option",
        pair=f"{item.pair}/option",
        options=(*item.options, NONE),
        choice=choice,
    )
