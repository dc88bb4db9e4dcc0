"""A made-up world of 48 countries, and stamps in Tux Paint's format: small, yet with every form of question."""

from itertools import product
from pathlib import Path

from PIL import Image

from foveate.evals.datasets.stamps import Stamp, read_stamps
from foveate.evals.unanswerable.kinship import Kinship
from foveate.retrievers.training.countries.build import write
from foveate.retrievers.training.countries.facts import City, Country, World
from foveate.retrievers.training.countries.pictures import Picture

__all__ = ["STAMPS", "WORDNET", "kinship", "knowledge_base", "made_stamps", "made_world"]

_REGIONS = (("Africa", "Western Africa"), ("Asia", "Central Asia"), ("Europe", "Northern Europe"),
            ("Oceania", "Polynesia"))  # fmt: skip
_STEMS = ["".join(pair) for pair in product(("Bel", "Cor", "Dun", "Fal", "Gor", "Hes"), ("ava", "emo", "iru", "osk"))]

WORDNET = (
    "  1 This line is the licence.\n"
    "00000001 05 n 02 hen 0 biddy 0 001 @ 00000002 n 0000 | adult female chicken\n"
    "00000002 05 n 01 fowl 0 002 @ 00000003 n 0000 ~ 00000001 n 0000 | a bird kept for food\n"
    "00000003 05 n 01 bird 0 000 | it has feathers\n"
    "00000004 05 n 02 sea_lion 0 seal 1 000 | it swims\n"
    "00000005 05 n 01 heron 0 001 @ 00000003 n 0000 | it wades\n"
    "00000006 18 n 01 Thor 0 001 @i 00000007 n 0000 | he has a hammer\n"
    "00000007 18 n 01 god 0 000 | many have one\n"
)
"""Lines in the form of WordNet's data.noun."""

STAMPS = {
    "animals": "frog owl pelican tiger elephant giraffe otter badger koala wombat zebra gorilla",
    "food": "carrot mango banana tomato walnut pizza avocado corn eggplant mushroom broccoli pomegranate",
    "vehicles": "airplane helicopter tricycle bus truck sedan caboose tugboat",
    "household": "key toolbox saw mug spade pliers nutcracker scissors",
    "space": "mars venus saturn jupiter uranus neptune pluto earth",
}
"""Folder -> names of stamps."""


def made_world() -> World:
    """Half of the countries held out; each has a capital and a further city."""
    countries, cities = [], []
    for number, stem in enumerate([*_STEMS, *(f"New{stem.lower()}" for stem in _STEMS)]):
        region, subregion = _REGIONS[number % 4]
        country = Country(
            code=f"{number:02}",
            name=f"{stem}land",
            held_out=number // 4 % 2 == 1,
            capital=f"{stem}burg",
            currency=f"{stem} crown",
            region=region,
            subregion=subregion,
            population=1_000_003 + 7919 * number,
            area_km2=10_007 + 613 * number,
            demonym=f"{stem}ish",
            tld=f".{'abcdefgh'[number // 8]}{'pqrstuvw'[number % 8]}",
            calling=f"+{201 + number}",
            neighbours=(f"{_STEMS[0]}land",) if number == 1 else (),
        )
        countries.append(country)
        names = ((country.capital, True), (f"{stem}port", False))
        cities += [
            City(
                name=name,
                country=country.name,
                is_capital=capital,
                population=50_021 + 101 * number + 3 * capital,
                timezone=f"Made/Zone{number:02}",
            )
            for name, capital in names
        ]
    return World(
        countries=tuple(sorted(countries, key=lambda one: one.name)),
        cities=tuple(sorted(cities, key=lambda one: one.name)),
    )


def knowledge_base(out: Path, world: World) -> Path:
    """Built by the program that builds the real one; each flag is a colour of its own."""
    flags = [
        Picture(
            name=f"flag-{country.name.lower()}",
            caption=f"Flag of {country.name}",
            image=Image.effect_noise((24, 16), 10 + 5 * number).convert("RGB"),
        )
        for number, country in enumerate(world.countries)
    ]
    write(out, world, flags, flags, [])
    return out


def made_stamps(folder: Path) -> tuple[Stamp, ...]:
    """A plain square a name."""
    for place, names in STAMPS.items():
        for name in names.split():
            path = folder / place / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(path)
            path.with_suffix(".txt").write_text(f"A {name}.\n", encoding="utf-8")
    return read_stamps(folder)


def kinship() -> Kinship:
    """Of :data:`WORDNET`."""
    return Kinship.parsed(WORDNET.splitlines(keepends=True))
