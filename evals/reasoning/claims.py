"""Claims about the knowledge base's training half, in words of their own, with evidence that does or does not say so.

The evidence shares most words with the claim whatever the label, so that overlap alone tells nothing (Rajaee et al.,
"Looking at the Overlooked", EMNLP 2022; McCoy et al., HANS, ACL 2019).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from foveate.evals.reasoning.rows import verify_row
from foveate.rerankers.lora.completions import Completion
from foveate.retrievers.training.countries.facts import City, Country, World

__all__ = ["claims"]

_SAID = {
    "capital": ("{x} is governed from {v}.", "{v} is where the government of {x} has its seat, as the capital.",
                "The capital of {x} is {v}."),
    "currency": ("In {x} one buys things with the {v}.", "The {v} is used in {x}.", "{x} uses the {v}."),
    "subregion": ("{x} can be found in {v}.", "{v} is the part of the world where {x} lies."),
    "population": ("{x} is home to {v} people.", "{v} people live in {x}."),
    "area": ("{x} measures {v} square kilometres.", "The size of {x} is {v} square kilometres."),
    "tld": ("Web sites of {x} end with {v}.", "{v} is the domain of {x}."),
    "calling": ("To phone {x}, dial {v} first.", "{x} is reached by phone through {v}."),
    "country": ("{x} is a city of {v}.", "{x} belongs to {v}.", "{v} has a city named {x}."),
    "timezone": ("{x} uses the time zone {v}.", "The clocks of {x} are set to {v}."),
}  # fmt: skip
_DENIED = {
    "capital": "The capital of {x} is not {v}.", "currency": "The {v} is not used in {x}.",
    "subregion": "{x} does not lie in {v}.", "population": "{x} does not have {v} inhabitants.",
    "area": "The area of {x} is not {v} square kilometres.", "tld": "{v} is not the domain of {x}.",
    "calling": "The calling code of {x} is not {v}.", "country": "{x} does not lie in {v}.",
    "timezone": "The time zone of {x} is not {v}.",
}  # fmt: skip
_BESIDE = {
    "capital": ("{v} is the largest city of {x}.", "{v} was the capital of {x} a hundred years ago.",
                "The mayor of {v} was born in {x}.", "Many tourists who visit {x} like {v}."),
    "currency": ("The {v} is the strongest currency near {x}.", "{x} wants to give up the {v}."),
    "subregion": ("{x} is the richest country of {v}.", "{x} is the largest country in {v}."),
    "population": ("{v} people visited {x} last year.", "{v} people left {x}."),
    "area": ("Forests cover {v} square kilometres of {x}.", "{x} once measured {v} square kilometres."),
    "tld": ("Most people of {x} know the domain {v}.", "The domain {v} was first used in {x} in 1990."),
    "calling": ("Calls to {x} with {v} are cheap.", "The code {v} of {x} will change soon."),
    "country": ("{x} is the oldest city of {v}.", "{x} is the capital of {v}.", "The best food of {v} comes from {x}."),
    "timezone": ("{x} has the time zone {v} in summer only.", "{x} will give up the time zone {v}."),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stated:
    fact: str
    subject: str
    value: str
    sentence: str


def claims(world: World, documents: Sequence[Any], rng: random.Random, count: int) -> Iterator[Completion]:
    """``count`` rows over countries that may be trained on."""
    stated = list(_stated(world, documents))
    by_fact: dict[str, list[_Stated]] = {}
    for one in stated:
        by_fact.setdefault(one.fact, []).append(one)
    makers = (_same, _other_value, _other_subject, _denied, _beside, _both, _reversed)
    for number in range(count):
        one = rng.choice(stated)
        other = rng.choice([rival for rival in by_fact[one.fact] if rival.value != one.value])
        made = makers[number % len(makers)](one, other, rng)
        if made:
            claim, evidence, label = made
            yield verify_row(claim, _around(evidence, one, other, stated, rng, label), label, f"claims/{one.subject}")


def _around(
    evidence: str, one: _Stated, other: _Stated, stated: Sequence[_Stated], rng: random.Random, label: str
) -> str:
    """The evidence alone, or among sentences on others that can neither say nor deny it."""
    if rng.random() < 0.5:
        return evidence
    extra = rng.choice([row for row in stated if row.subject not in (one.subject, other.subject)]).sentence
    return " ".join(rng.sample([evidence, extra], 2))


Made = tuple[str, str, str] | None


def _same(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    return _claim(one, one.value, rng), one.sentence, "entailed"


def _other_value(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    return _claim(one, other.value, rng), one.sentence, "contradicted"


def _other_subject(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    """The same fact of another subject says nothing, even where the value is the claim's."""
    if one.fact == "capital":
        return None  # a capital of one country is not another's: that would be a contradiction of sorts
    moved = _Stated(fact=one.fact, subject=other.subject, value=one.value, sentence="")
    return _claim(moved, rng.choice([one.value, other.value]), rng), one.sentence, "neutral"


def _denied(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    if rng.random() < 0.5:
        return _DENIED[one.fact].format(x=one.subject, v=one.value), one.sentence, "contradicted"
    if rng.random() < 0.5:
        return _DENIED[one.fact].format(x=one.subject, v=other.value), one.sentence, "entailed"
    return _claim(one, one.value, rng), _DENIED[one.fact].format(x=one.subject, v=one.value), "contradicted"


def _beside(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    said = rng.choice(_BESIDE[one.fact]).format(x=one.subject, v=one.value)
    if rng.random() < 0.5:
        return said, one.sentence, "neutral"
    return _claim(one, one.value, rng), said, "neutral"


def _both(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    """Two sentences, a claim on one of them, right or with the values exchanged."""
    evidence = " ".join(rng.sample([one.sentence, other.sentence], 2))
    if one.subject == other.subject:
        return None
    if rng.random() < 0.5:
        return _claim(one, one.value, rng), evidence, "entailed"
    return _claim(one, other.value, rng), evidence, "contradicted"


def _reversed(one: _Stated, other: _Stated, rng: random.Random) -> Made:
    """Comparisons and their reverse."""
    if one.fact not in ("population", "area") or one.subject == other.subject:
        return None
    more, less = ("more inhabitants", "fewer inhabitants") if one.fact == "population" else ("more land", "less land")
    evidence = f"{one.subject} has {more} than {other.subject}."
    options = [
        (f"{other.subject} has {less} than {one.subject}.", "entailed"),
        (f"{other.subject} has {more} than {one.subject}.", "contradicted"),
        (f"{one.subject} has {less} than {other.subject}.", "contradicted"),
        (f"{one.subject} has {more} than all other places.", "neutral"),
        (f"{one.subject} will soon have {more} than {other.subject}.", "neutral"),
    ]
    claim, label = rng.choice(options)
    return claim, evidence, label


def _claim(one: _Stated, value: str, rng: random.Random) -> str:
    text = rng.choice(_SAID[one.fact]).format(x=one.subject, v=value)
    return text[0].upper() + text[1:]


def _stated(world: World, documents: Sequence[Any]) -> Iterator[_Stated]:
    """Every fact of the training half with the sentence that states it."""
    by_id = {row["id"]: row for row in documents}
    homes = {country.name: country for country in world.countries}
    for row in by_id.values():
        for fact, place in row["facts"].items():
            subject: Country | City | None = _subject(row["title"], world)
            if fact not in _SAID or subject is None:
                continue
            home = subject if isinstance(subject, Country) else homes[subject.country]
            if home.held_out:
                continue
            value = _value(subject, fact, homes)
            said = subject.the if isinstance(subject, Country) else subject.name
            yield _Stated(fact=fact, subject=said, value=value, sentence=row["sentences"][place["sentence"]])


def _subject(title: str, world: World) -> Country | City | None:
    name, _, topic = title.partition(": ")
    places: Sequence[Country | City] = world.countries if topic else world.cities
    return next((place for place in places if place.name == name), None)


def _value(subject: Country | City, fact: str, homes: dict[str, Country]) -> str:
    if fact == "country" and isinstance(subject, City):
        return homes[subject.country].the
    raw = getattr(subject, "area_km2" if fact == "area" else fact)
    return f"{raw:,}" if isinstance(raw, int) else str(raw)
