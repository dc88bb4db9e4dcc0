"""Pictures of the knowledge base: flags and, beside them, emoji that are none; and other drawings of the flags to ask.

| pictures | package | licence |
| flags to find | npm flag-icons 7.5.0 | MIT |
| flags to ask with | npm @iconify-json/flagpack 1.2.8 | MIT |
| others | npm @iconify-json/noto 1.2.9, named by emojibase-data 17.0.0 | Apache-2.0, MIT |
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from foveate.errors import ExtraMissing
from foveate.retrievers.training.countries.facts import Country, World
from foveate.retrievers.training.countries.passages import slug
from foveate.retrievers.training.countries.wordings import number
from foveate.retrievers.training.packages import npm

__all__ = ["ASKED", "PACKAGES", "Picture", "alike", "asked_flags", "flags", "others", "rendered"]

PACKAGES = {
    "flag-icons": "7.5.0",
    "@iconify-json/noto": "1.2.9",
    "@iconify-json/flagpack": "1.2.8",
    "emojibase-data": "17.0.0",
}
"""npm packages of the pictures, with their versions."""
ASKED = "@iconify-json/flagpack"
"""Where the flags of questions come from. Asked with them, mini finds the right one of 231 flags and 150 emoji first
in 0.68 of the cases (top 3: 0.79); with the smaller, rounded ones of Twemoji in 0.23 (0.47), of OpenMoji in 0.13
(0.27). 116 training flags; Noto's emoji have none."""
_OTHERS_FROM = "@iconify-json/noto"
_WIDTH_PX = 320
_OTHERS = 150
_FLAG_GROUP = 9
_PEOPLE = (1, 2)
_ALIKE = 12.0
"""Mean difference of two flags, of 255, below which they hardly differ."""
# They differ in a shade alone.
_TWINS = frozenset(
    {"flag-chad", "flag-romania", "flag-indonesia", "flag-monaco", "flag-luxembourg", "flag-netherlands"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One picture to be written."""

    name: str
    """Of its files, without suffix: "flag-fiji"."""
    caption: str
    image: Image.Image
    """RGB, on white."""


def flags(world: World, cache: Path) -> Iterator[Picture]:
    """One captioned flag a country, by name."""
    folder = npm("flag-icons", PACKAGES["flag-icons"], cache) / "flags" / "4x3"
    for country in world.countries:
        path = folder / f"{country.code.lower()}.svg"
        if path.is_file():
            image = rendered(path.read_text(encoding="utf-8"))
            yield Picture(name=_name(country), caption=f"Flag of {country.the}", image=image)


def asked_flags(world: World, cache: Path) -> Iterator[Picture]:
    """The same flags as :data:`ASKED` draws them; their captions are never shown."""
    drawn = _drawings(ASKED, cache)
    for country in world.countries:
        if country.code.lower() in drawn["icons"]:
            image = rendered(_svg(drawn, country.code.lower()))
            yield Picture(name=_name(country), caption=f"Flag of {country.the}", image=image)


def others(cache: Path, count: int = _OTHERS) -> Iterator[Picture]:
    """Emoji that show neither flags nor people, chosen by hash of their names."""
    drawn = _drawings(_OTHERS_FROM, cache)
    characters = npm(_OTHERS_FROM, PACKAGES[_OTHERS_FROM], cache) / "chars.json"
    codes = {_code(code): name for code, name in json.loads(characters.read_text(encoding="utf-8")).items()}
    path = npm("emojibase-data", PACKAGES["emojibase-data"], cache) / "en" / "data.json"
    entries = [entry for entry in json.loads(path.read_text(encoding="utf-8")) if _shows_something(entry)]
    named = {entry["label"]: codes.get(_code(entry["hexcode"])) for entry in entries}
    order = sorted(
        (label for label in named if named[label] in drawn["icons"]), key=lambda label: number("emoji", label)
    )
    for label in sorted(order[:count]):
        image = rendered(_svg(drawn, str(named[label])))
        yield Picture(name=f"emoji-{slug(label)}", caption=label[0].upper() + label[1:], image=image)


def rendered(svg: str, width_px: int = _WIDTH_PX) -> Image.Image:
    """A drawing on white.

    Raises:
        ExtraMissing: without the renderer.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise ExtraMissing("resvg-py", "train") from error
    raw = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width_px))
    drawn = Image.open(io.BytesIO(raw)).convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    return Image.alpha_composite(paper, drawn).convert("RGB")


def alike(pictures: Iterable[Picture]) -> frozenset[str]:
    """Names of flags that can be taken for another one of them."""
    found = [*pictures]
    rows = np.stack([np.asarray(picture.image.resize((32, 24)), dtype=np.float32).ravel() for picture in found])
    twins = {picture.name for picture in found} & _TWINS
    for i, row in enumerate(rows):
        near = np.flatnonzero(np.abs(rows[i + 1 :] - row).mean(axis=1) < _ALIKE) + i + 1
        if len(near):
            twins |= {found[i].name, *(found[int(j)].name for j in near)}
    return frozenset(twins)


def _shows_something(entry: Mapping[str, Any]) -> bool:
    return "group" in entry and entry["group"] not in (0, *_PEOPLE, _FLAG_GROUP) and "flag" not in entry["label"]


def _drawings(package: str, cache: Path) -> Mapping[str, Any]:
    """An icon set's table."""
    path = npm(package, PACKAGES[package], cache) / "icons.json"
    table: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def _code(text: str) -> str:
    """A code point sequence as both packages can be compared by."""
    return text.lower().replace("-fe0f", "")


def _svg(table: Mapping[str, Any], name: str) -> str:
    icon = table["icons"][name]
    height = icon.get("height", table.get("height", 16))
    width = icon.get("width", table.get("width", height))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} viewBox="{box}">{icon["body"]}</svg>'


def _name(country: Country) -> str:
    return f"flag-{slug(country.name)}"
