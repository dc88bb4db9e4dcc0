"""Pictures of the knowledge base: flags and, beside them, emoji that are none; and other drawings of the flags to ask.

| pictures | package | licence |
| flags to find | npm flag-icons 7.5.0 | MIT |
| flags to ask with | npm @iconify-json/{style} | Twemoji CC-BY-4.0, Noto Apache-2.0 |
| others | npm @iconify-json/noto, named by emojibase-data 17.0.0 | Apache-2.0, MIT |
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

__all__ = ["ASKED_STYLE", "PACKAGES", "Picture", "alike", "asked_flags", "flags", "others", "rendered"]

PACKAGES = {
    "flag-icons": "7.5.0",
    "@iconify-json/noto": "1.2.9",
    "@iconify-json/twemoji": "1.2.5",
    "emojibase-data": "17.0.0",
}
"""npm packages of the pictures, with their versions."""
ASKED_STYLE = "twemoji"
"""How the flags of questions are drawn."""
_WIDTH_PX = 320
_OTHERS = 150
_FLAG_GROUP = 9
_PEOPLE = (1, 2)
_ALIKE = 12.0
"""Mean difference of two flags, of 255, below which people would not tell them apart."""


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


def asked_flags(world: World, cache: Path, style: str = ASKED_STYLE) -> Iterator[Picture]:
    """The same flags as emoji draw them; their captions are never shown."""
    drawn, codes = _emoji(style, cache)
    for country in world.countries:
        code = "-".join(f"{0x1F1E6 + ord(letter) - ord('A'):x}" for letter in country.code)
        if code in codes:
            image = rendered(_svg(drawn, codes[code]))
            yield Picture(name=_name(country), caption=f"Flag of {country.the}", image=image)


def others(cache: Path, count: int = _OTHERS) -> Iterator[Picture]:
    """Emoji that show neither flags nor people, chosen by hash of their names."""
    drawn, codes = _emoji("noto", cache)
    path = npm("emojibase-data", PACKAGES["emojibase-data"], cache) / "en" / "data.json"
    entries = [entry for entry in json.loads(path.read_text(encoding="utf-8")) if _shows_something(entry)]
    named = {entry["label"]: codes.get(entry["hexcode"].lower().replace("-fe0f", "")) for entry in entries}
    order = sorted((label for label in named if named[label]), key=lambda label: number("emoji", label))
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
    """Names of pictures that look like another one of them."""
    found = [*pictures]
    rows = np.stack([np.asarray(picture.image.resize((32, 24)), dtype=np.float32).ravel() for picture in found])
    twins: set[str] = set()
    for i, row in enumerate(rows):
        near = np.flatnonzero(np.abs(rows[i + 1 :] - row).mean(axis=1) < _ALIKE) + i + 1
        if len(near):
            twins |= {found[i].name, *(found[int(j)].name for j in near)}
    return frozenset(twins)


def _shows_something(entry: Mapping[str, Any]) -> bool:
    return "group" in entry and entry["group"] not in (0, *_PEOPLE, _FLAG_GROUP) and "flag" not in entry["label"]


def _emoji(style: str, cache: Path) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """(table of drawings, code -> name of a drawing)."""
    package = f"@iconify-json/{style}"
    folder = npm(package, PACKAGES[package], cache)
    codes = json.loads((folder / "chars.json").read_text(encoding="utf-8"))
    table: Mapping[str, Any] = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
    return table, {code.lower().replace("-fe0f", ""): name for code, name in codes.items() if name in table["icons"]}


def _svg(table: Mapping[str, Any], name: str) -> str:
    icon = table["icons"][name]
    height = icon.get("height", table.get("height", 16))
    width = icon.get("width", table.get("width", height))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} viewBox="{box}">{icon["body"]}</svg>'


def _name(country: Country) -> str:
    return f"flag-{slug(country.name)}"
