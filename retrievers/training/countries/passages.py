"""Documents of the knowledge base: one topic each, so that a question of two hops needs two of them."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foveate.retrievers.training.countries.facts import City, Country, World, with_article
from foveate.retrievers.training.countries.wordings import SENTENCES, chosen, shuffled_by

__all__ = ["TOPICS", "Passage", "passages", "slug"]

TOPICS: dict[str, tuple[str, ...]] = {
    "state": ("capital", "currency"),
    "land": ("region", "subregion", "area", "neighbours"),
    "people": ("population", "demonym"),
    "lines": ("tld", "calling"),
}
"""Topic of a country's document -> facts that it states."""
_CITY = ("country", "population", "timezone")


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """One document."""

    id: str
    """Its file below ``docs`` without the suffix: "countries/fiji-state", "cities/nadi"."""
    title: str
    sentences: tuple[str, ...]
    facts: Mapping[str, int]
    """Fact -> number of the sentence that states it, from 0."""
    subject: str
    """Name of the country or city."""

    @property
    def text(self) -> str:
        """Sentences as one paragraph."""
        return " ".join(self.sentences)

    @property
    def markdown(self) -> str:
        """The file: a heading, then the paragraph."""
        return f"# {self.title}\n\n{self.text}\n"

    def span(self, fact: str) -> tuple[int, int]:
        """Where :attr:`text` states a fact, in characters."""
        number = self.facts[fact]
        start = sum(len(sentence) + 1 for sentence in self.sentences[:number])
        return start, start + len(self.sentences[number])


def passages(world: World) -> tuple[Passage, ...]:
    """All documents, by id."""
    by_name = {country.name: country for country in world.countries}
    found = [_about(country, topic) for country in world.countries for topic in TOPICS]
    found += [_city(city, by_name[city.country]) for city in world.cities]
    return tuple(sorted((passage for passage in found if passage.sentences), key=lambda passage: passage.id))


def _about(country: Country, topic: str) -> Passage:
    values = {
        "capital": country.capital,
        "currency": country.currency,
        "region": with_article(country.region),
        "subregion": with_article(country.subregion),
        "area": _number(country.area_km2),
        "neighbours": None if country.neighbours is None else _listed(country.neighbours),
        "population": _number(country.population),
        "demonym": country.demonym,
        "tld": country.tld,
        "calling": country.calling,
    }
    return _passage(
        name=f"countries/{slug(country.name)}-{topic}",
        title=f"{country.name}: {topic}",
        subject=country.name,
        said=country.the,
        values={fact: value for fact in TOPICS[topic] if (value := values[fact]) is not None},
    )


def _city(city: City, country: Country) -> Passage:
    values = {"country": country.the, "population": _number(city.population), "timezone": city.timezone}
    return _passage(
        name=f"cities/{slug(city.name)}",
        title=city.name,
        subject=city.name,
        said=city.name,
        values={fact: value for fact in _CITY if (value := values[fact]) is not None},
    )


def _passage(*, name: str, title: str, subject: str, said: str, values: Mapping[str, str]) -> Passage:
    order = shuffled_by([*values], name)
    sentences = []
    for fact in order:
        wordings = SENTENCES[fact if values[fact] else "alone"]
        sentences.append(_sentence(chosen(wordings, name, fact), said, values[fact]))
    facts = {fact: number for number, fact in enumerate(order)}
    return Passage(id=name, title=title, sentences=tuple(sentences), facts=facts, subject=subject)


def _sentence(wording: str, subject: str, value: str) -> str:
    text = wording.replace("{x}", subject).replace("{v}", value)
    return text[0].upper() + text[1:]


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence; empty without any."""
    said = [with_article(name) for name in names]
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + f" and {said[-1]}" if said else ""


def _number(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"


def slug(name: str) -> str:
    """A name as part of a file's name: lower case, without accents, words joined by ``-``."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c) and c not in "'.")
    return "-".join("".join(c if c.isalnum() else " " for c in bare).split()).lower()
