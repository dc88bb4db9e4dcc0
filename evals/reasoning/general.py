"""Rows over WordNet: reading, quoting, checking what is no country, so that an adapter learns more than geography."""

import random
from collections.abc import Iterator, Sequence

from foveate.evals.reasoning.rows import noted, plan_row, quote_row, read_row, verify_row
from foveate.evals.reasoning.wordnet import Entry, article
from foveate.rerankers.lora.completions import Completion

__all__ = ["general"]

_NOTES = (3, 7)
_NONE = 0.15
_SHORT_GLOSS = 12
"""Words of a gloss that is asked for as an answer."""
_QUOTED = 0.35
"""Share of what is read that is also quoted."""


def general(found: Sequence[Entry], rng: random.Random, count: int) -> Iterator[Completion]:
    """Rows about ``count`` entries."""
    by_kind: dict[str, list[Entry]] = {}
    for entry in found:
        by_kind.setdefault(entry.kind, []).append(entry)
    people, things = by_kind["person"], [entry for entry in found if entry.kind != "person"]
    for number in range(count):
        entry = people[number % len(people)] if number % 2 else things[number]
        others = rng.sample(by_kind[entry.kind], 8)
        others = [other for other in others if other.name != entry.name]
        group = f"wordnet/{entry.name}"
        asked = _asked(entry, rng)
        if number % 3 == 0:
            yield plan_row(asked[0], [("any", asked[0], ())], group)
        yield from _reading(entry, others, asked, rng, group)
        yield from _checking(entry, others[0], rng, group)


def _asked(entry: Entry, rng: random.Random) -> tuple[str, str]:
    """A question and its answer as a sentence on the entry holds it."""
    if entry.kind == "person":
        gloss = entry.gloss.removeprefix("a ").removeprefix("an ")
        return rng.choice(
            [
                (f"When was {entry.name} born?", entry.born),
                (f"In which year was {entry.name} born?", entry.born),
                (f"When did {entry.name} die?", entry.died),
                (f"What is the year of {entry.name}'s death?", entry.died),
                (f"Who was the {gloss}?", entry.name),
                (f"What is the name of the {gloss}?", entry.name),
            ]
        )
    named = [
        (f"What do you call {article(entry.gloss)}?", entry.name),
        (f"Which {entry.kind} is {article(entry.gloss)}?", entry.name),
    ]
    if len(entry.gloss.split()) <= _SHORT_GLOSS:
        named += [
            (f"What is {article(entry.name)}?", entry.gloss),
            (f"What does the word {entry.name} mean?", entry.gloss),
        ]
    return rng.choice(named)


def _reading(
    entry: Entry, others: Sequence[Entry], asked: tuple[str, str], rng: random.Random, group: str
) -> Iterator[Completion]:
    question, answer = asked
    missing = rng.random() < _NONE
    sentence = entry.told(rng.randrange(4))
    shown = [(other.name, other.told(rng.randrange(4))) for other in others[: rng.randint(*_NOTES)]]
    if not missing:
        shown.insert(rng.randint(0, min(len(shown), 3)), (entry.name, sentence))
    titled = rng.random() < 0.6
    notes = [noted(name if titled else "", text) for name, text in shown]
    # A sentence may begin with the name: the answer is copied as it stands there.
    at = sentence.lower().find(answer.lower())
    copied = sentence[at : at + len(answer)] if at >= 0 else answer
    yield read_row(question, notes, None if missing else copied, group)
    if rng.random() < _QUOTED:
        yield quote_row(question, notes, [] if missing else [sentence], group)


def _checking(entry: Entry, other: Entry, rng: random.Random, group: str) -> Iterator[Completion]:
    """Claims whose words stand in the evidence whatever their label, and such that hardly share a word with it."""
    told = entry.told(rng.randrange(4))
    around = [other.told(rng.randrange(4)), told]
    rng.shuffle(around)
    evidence = rng.choice([told, " ".join(around)])
    claim, label = rng.choice(_claims(entry, other, rng))
    yield verify_row(claim, evidence, label, group)


def _claims(entry: Entry, other: Entry, rng: random.Random) -> list[tuple[str, str]]:
    if entry.kind == "person":
        return _of_a_person(entry, other, rng)
    gloss = entry.gloss
    return [
        (f"{article(entry.name).capitalize()} is {article(gloss)}.", "entailed"),
        (f"The word for {article(gloss)} is {entry.name}.", "entailed"),
        (f"{article(entry.name).capitalize()} is not {article(gloss)}.", "contradicted"),
        (f"It is wrong that {entry.name} means {gloss}.", "contradicted"),
        (f"{article(entry.name).capitalize()} is {article(other.gloss)}.", "neutral"),
        (f"Every museum has {article(entry.name)}.", "neutral"),
        (f"{article(entry.name).capitalize()} is cheaper than {article(other.name)}.", "neutral"),
    ]


def _of_a_person(entry: Entry, other: Entry, rng: random.Random) -> list[tuple[str, str]]:
    name, born, died, gloss = entry.name, int(entry.born), int(entry.died), entry.gloss
    wrong = born + rng.choice([-20, -7, -2, 3, 10, 31])
    late = died + rng.choice([-12, -5, 4, 18])
    return [
        (f"{name} was born in {born}.", "entailed"),
        (f"{name} died in {died}.", "entailed"),
        (f"{name} was alive in {(born + died) // 2}.", "entailed"),
        (f"{name} was {article(gloss)}.", "entailed"),
        (f"{name} was already dead in {died + 10}.", "entailed"),
        (f"{name} was born in {wrong}.", "contradicted"),
        (f"{name} died in {late}.", "contradicted"),
        (f"{name} was not {article(gloss)}.", "contradicted"),
        (f"{name} was not born in {born}.", "contradicted"),
        (f"{name} was born in {died} and died in {born}.", "contradicted"),
        (f"{name} was still alive in {died + 10}.", "contradicted"),
        (f"{name} was born in a large city in {born}.", "neutral"),
        (f"{name} met {other.name} in {died}.", "neutral"),
        (f"The father of {name} was {article(gloss)}.", "neutral"),
        (f"{name} was the most famous person who died in {died}.", "neutral"),
    ]
