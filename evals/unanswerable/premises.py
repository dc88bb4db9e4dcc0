"""Minimal pairs: a question that takes something for granted that is so, and its twin of which it is not.

"What is the currency of Norway, whose capital is Oslo?" and "... whose capital is Madrid?". The twin's value is that of
a country of the same half and another region, so that it is false in the data and in the world.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from foveate.evals.unanswerable.base import OWNERS, Base
from foveate.evals.unanswerable.items import HALVES, SPLITS, Item, by_hash
from foveate.retrievers.training.countries.facts import City, Country, with_article

__all__ = ["TEMPLATES", "Template", "premise_items"]

_PAIRS = 80
# More than one capital, or one that is contested.
_CAPITALS = frozenset(
    {
        "Benin", "Bolivia", "Burundi", "Chile", "Eswatini", "Georgia", "Israel", "Ivory Coast", "Malaysia",
        "Montenegro", "Montserrat", "Myanmar", "Netherlands", "South Africa", "Sri Lanka", "Tanzania", "Yemen",
    }
)  # fmt: skip
# Money of several countries, or one that others take too.
_MONEY = ("euro", "US dollar", "South African rand", "Indian rupee", "pound sterling", "Swiss franc", "Russian ruble")
# In two parts of the world, or counted to several.
_BETWEEN = frozenset(
    {
        "Armenia", "Azerbaijan", "Cyprus", "Egypt", "Georgia", "Indonesia", "Iran", "Kazakhstan", "Mexico", "Russia",
        "Turkey",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """One way to take something for granted of a country."""

    text: str
    """``{the}`` is the country, ``{value}`` what is said of it."""
    premise: Callable[[Country], str | None]
    """What is so; None where it is not known or not beyond doubt."""
    answer: Callable[[Country], str | None]


def _capital(country: Country) -> str | None:
    return None if country.name in _CAPITALS else country.capital


def _currency(country: Country) -> str | None:
    return None if country.currency in _MONEY else country.currency


def _subregion(country: Country) -> str | None:
    unsure = country.name in _BETWEEN or country.subregion == "Channel Islands"
    return None if unsure else with_article(country.subregion)


def _people(country: Country) -> str | None:
    return f"{country.population:,}"


def _area(country: Country) -> str | None:
    return None if country.area_km2 is None else f"{country.area_km2:,} square kilometres"


def _demonym(country: Country) -> str | None:
    return country.demonym


def _domain(country: Country) -> str | None:
    return country.tld


def _code(country: Country) -> str | None:
    return country.calling


TEMPLATES = {
    "capital": Template(
        text="What is the currency of {the}, whose capital is {value}?",
        premise=_capital,
        answer=lambda country: country.currency,
    ),
    "currency": Template(
        text="How many people live in {the}, where they pay with the {value}?", premise=_currency, answer=_people
    ),
    "demonym": Template(
        text="What is the capital of {the}, where a person is called {value}?", premise=_demonym, answer=_capital
    ),
    "calling": Template(
        text="What is the area of {the}, which has the calling code {value}?", premise=_code, answer=_area
    ),
    "tld": Template(
        text="Which calling code belongs to {the}, whose internet domain is {value}?", premise=_domain, answer=_code
    ),
    "subregion": Template(
        text="What is a person from {the}, a place in {value}, called?",
        premise=_subregion,
        answer=_demonym,
    ),
}
_CITY_TEXTS = {
    "city_capital": "How many people live in {city}, the capital of {the}?",
    "city_country": "How many people live in {city}, a city in {the}?",
    "city_timezone": "Which time zone does {city}, a city in {the}, keep?",
}


def premise_items(base: Base) -> list[Item]:
    """Twins of both splits: forms ``true_premise`` and ``false_premise``, as many from each way of asking."""
    items: list[Item] = []
    for split in SPLITS:
        ways = [list(way) for way in _ways(base, split)]
        turns = [(turn, number) for number, way in enumerate(ways) for turn in range(len(way))]
        items += [item for turn, number in sorted(turns)[:_PAIRS] for item in ways[number][turn]]
    return items


def _ways(base: Base, split: str) -> Iterator[Iterator[tuple[Item, Item]]]:
    countries = base.countries(HALVES[split])
    for name, template in TEMPLATES.items():
        yield _of_countries(name, template, countries, split)
    by_name = {country.name: country for country in countries}
    for name, text in _CITY_TEXTS.items():
        cities = [city for city in base.cities(HALVES[split]) if city.is_capital == (name == "city_capital")]
        yield _of_cities(name, text, cities, by_name, split)


def _of_countries(
    name: str, template: Template, countries: Sequence[Country], split: str
) -> Iterator[tuple[Item, Item]]:
    for country in _ordered(countries, name):
        value, answer = template.premise(country), template.answer(country)
        if value is None or answer is None:
            continue
        wrong = next(
            (said for one in _others(country, countries, name) if (said := _other(template, one, value))), None
        )
        if wrong is not None:
            texts = [template.text.format(the=country.the, value=said) for said in (value, wrong)]
            yield _twins(f"{name}/{country.name}", country.name, split, texts, answer)


def _of_cities(
    name: str, text: str, cities: Sequence[City], by_name: dict[str, Country], split: str
) -> Iterator[tuple[Item, Item]]:
    for city in by_hash(cities, "premise", name, name=lambda city: city.name):
        country = by_name[city.country]
        if name == "city_capital" and _capital(country) is None:
            continue
        answer = city.timezone if name == "city_timezone" else f"{city.population:,}"
        other = next(iter(_others(country, [*by_name.values()], f"{name}/{city.name}")), None)
        if other is not None:
            texts = [text.format(city=city.name, the=one.the) for one in (country, other)]
            yield _twins(f"{name}/{city.name}", country.name, split, texts, answer)


def _ordered(countries: Sequence[Country], *key: str) -> list[Country]:
    return by_hash(countries, "premise", *key, name=lambda country: country.name)


def _others(country: Country, countries: Sequence[Country], key: str) -> list[Country]:
    """Countries of which something else is so."""
    return [
        one
        for one in _ordered(countries, key, country.name)
        if one.region != country.region and one.name not in OWNERS | _BETWEEN and country.name not in _BETWEEN
    ]


def _other(template: Template, country: Country, value: str) -> str | None:
    """What is said of another country, if it cannot be taken for the value."""
    said = template.premise(country)
    return None if said is None or said.startswith(value) or value.startswith(said) else said


def _twins(key: str, group: str, split: str, texts: Sequence[str], answer: str) -> tuple[Item, Item]:
    true = Item(
        id=f"kb/true_premise/{key}",
        split="train" if split == "train" else "test",
        source="kb",
        form="true_premise",
        pair=f"kb/premise/{key}",
        group=group,
        question=texts[0],
        answers=_accepted(answer),
    )
    false = replace(true, id=f"kb/false_premise/{key}", form="false_premise", question=texts[1], answers=())
    return true, false


def _accepted(answer: str) -> tuple[str, ...]:
    """An answer, also without its unit and without accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", answer) if not unicodedata.combining(c))
    return tuple(dict.fromkeys((answer, answer.removesuffix(" square kilometres"), bare)))
