"""Facts of the two packages put together, against what stands in a small world by hand."""

from hypothesis import given
from hypothesis import strategies as st

from foveate.retrievers.training.countries.currencies import CURRENCIES
from foveate.retrievers.training.countries.facts import City, Country, fold, with_article, world
from foveate.retrievers.training.facts import kept_for_measuring
from tests.retrievers.countries.made import CITIES, KNOWN, TOLD, small_world


def test_a_country_by_hand() -> None:
    assert small_world().country("Fiji") == Country(
        code="FJ",
        name="Fiji",
        held_out=kept_for_measuring("Fiji"),
        capital="Suva",
        currency="Fijian dollar",
        region="Oceania",
        subregion="Melanesia",
        population=883_483,
        area_km2=18_270,
        demonym="Fijian",
        tld=".fj",
        calling="+679",
        neighbours=(),
    )


def test_what_is_contested_or_disagreed_on_is_left_out() -> None:
    there = small_world()
    # Antilles: no country any more. Nowhere: two capitals.
    assert [country.name for country in there.countries] == ["Bahamas", "Bolivia", "Fiji", "Peru", "Tonga"]
    bolivia = there.country("Bolivia")
    assert (bolivia.demonym, bolivia.calling, bolivia.neighbours) == (None, None, ("Peru",))
    assert there.country("Peru").neighbours == ("Bolivia",)


def test_names_in_sentences() -> None:
    bahamas = small_world().country("Bahamas")
    assert (bahamas.the, bahamas.subregion, bahamas.calling) == ("the Bahamas", "Caribbean", "+1242")
    assert [with_article(name) for name in ("Cook Islands", "Channel Islands", "Fiji")] == [
        "the Cook Islands", "the Channel Islands", "Fiji"
    ]  # fmt: skip


def test_the_half_goes_by_the_name_that_was_trained_on() -> None:
    assert small_world().country("Bahamas").held_out == kept_for_measuring("The Bahamas")
    assert {country.half for country in small_world().countries} == {"train", "held_out"}


def test_cities() -> None:
    cities = {city.name: city for city in small_world().cities}
    assert cities["Nadi"] == City(
        name="Nadi", country="Fiji", is_capital=False, population=42_284, timezone="Pacific/Fiji"
    )
    assert cities["Nuku'alofa"].is_capital
    # Two countries have a Trujillo; Lima Norte gives Lima away; a transliteration; too small.
    assert not {"Trujillo", "Lima Norte", "Ḩawallī", "Hamlet"} & set(cities)


def test_demonyms_of_two_countries_are_of_neither() -> None:
    same = [entry | ({"demonym": "Islander"} if entry["ISO"]["alpha2"] in ("FJ", "TO") else {}) for entry in TOLD]
    there = world(same, KNOWN, CITIES)
    assert (there.country("Fiji").demonym, there.country("Peru").demonym) == (None, "Peruvian")


def test_order_of_the_packages_changes_nothing() -> None:
    assert world(TOLD[::-1], KNOWN[::-1], CITIES[::-1]) == small_world()


def test_currencies_are_unambiguous() -> None:
    assert len(set(CURRENCIES.values())) == len(CURRENCIES)
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
    assert (CURRENCIES["FJD"], CURRENCIES["EUR"]) == ("Fijian dollar", "euro")


@given(st.text())
def test_folded_names_stay_folded(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(f" {text}-") == fold(text)
