"""Captioned pictures that train and validate the mini encoder's head, each read from a package as published.

| set | package | licence of the pictures |
| openclipart | Debian openclipart-png, openclipart-svg | public domain |
| furniture | Debian sweethome3d-furniture | CC0, CC-BY-3.0 |
| emoji | npm @iconify-json/{noto,twemoji,emojione,openmoji,fluent-emoji,fxemoji,noto-v1}, @lobehub/fluent-emoji-3d | Apache-2.0, CC-BY-4.0, CC-BY-SA-4.0, MIT |
| gcompris (validation only) | Debian gcompris-qt-data | GPL-3+, CC-BY-SA and freer |

Names and keywords of emoji come from npm emojibase-data (MIT).
"""  # noqa: E501

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from foveate.retrievers.training.packages import debian, npm
from foveate.retrievers.training.rcc import read_rcc

__all__ = ["Captioned", "emoji", "furniture", "gcompris", "openclipart"]

_STYLES = {
    "emojione": "1.2.3",
    "noto": "1.2.9",
    "twemoji": "1.2.5",
    "openmoji": "1.2.29",
    "fluent-emoji": "1.2.7",
    "fxemoji": "1.2.2",
    "noto-v1": "1.2.5",
}
_FLAG_GROUP = 9  # emojibase's group of flags: 270 pictures that teach nothing but flags
_UI_THEMES = ("flat-theme", "lemon-theme", "etiquette-theme", "/cards/")
_EMPTY_WORDS = frozenset(
    "clip art|clipart|image|media|externalsource|png|svg|public domain|inkscape|open clip art|unsorted|misc|"
    "anonymous|vector|drawing|icon|icons|color|colour|contour|outline|silhouette|line art".split("|")
)
_AUTHOR = re.compile(r"\b(by|architetto|francesco|rollandin|ganson|anonymous)\b.*$")
_GCOMPRIS = (
    "lang/resource/words_sample/",
    "categorization/resource/images/",
    "erase/resource/",
    "babymatch/resource/images/",
    "memory/resource/",
    "instruments/resource/",
    "babyshapes/resource/food/",
    "explore_farm_animals/resource/animals/",
    "explore_world_animals/resource/animals/",
    "explore_monuments/resource/",
    "explore_world_music/resource/music/",
)
_GCOMPRIS_NOT = re.compile(r"/(alphabets|fishes|numbers)/|/(background|animals|alphabets|arrow|button|dot|shape)[^/]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Captioned:
    """One picture with what is said of it."""

    source: str
    """``openclipart``, ``furniture``, ``emoji`` or ``gcompris``."""
    captions: tuple[str, ...]
    """Title first, then keywords and descriptions; never empty."""
    style: str
    """Art style of an emoji; empty elsewhere."""
    suffix: str
    """``.svg`` for a drawing to be rendered, else the raster format's suffix."""
    data: bytes | Path
    """The picture's bytes, or the file that holds them."""

    @property
    def concept(self) -> str:
        """What splits are made by: pictures of one concept stay on one side."""
        return f"{self.source}|{self.captions[0]}"


def plain(text: str) -> str:
    """File name or tag -> lower-case words."""
    text = re.sub(r"[_\-./]+", " ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"\b\d+\b", " ", text))
    return re.sub(r"\s+", " ", text).strip().lower()


def openclipart(cache: Path) -> Iterator[Captioned]:
    """Open Clip Art Library 0.18: titles, keywords and descriptions of the SVG beside each PNG."""
    pictures = debian("openclipart-png", cache) / "usr/share/openclipart/png"
    drawings = debian("openclipart-svg", cache) / "usr/share/openclipart/svg"
    for path in sorted(pictures.rglob("*.png")):
        relative = path.relative_to(pictures)
        if any(theme in relative.as_posix() for theme in _UI_THEMES):
            continue
        captions = _svg_captions(drawings / relative.with_suffix(".svg"))
        if not any("flag" in word for word in (*captions, *relative.parts)) and captions:
            yield Captioned(source="openclipart", captions=captions, style="", suffix=".png", data=path)


def _svg_captions(path: Path) -> tuple[str, ...]:
    found: dict[str, list[str]] = defaultdict(list)
    try:
        for element in ElementTree.parse(path).getroot().iter():
            if element.text:
                found[element.tag.rsplit("}", 1)[-1]].append(element.text)
    except (OSError, ElementTree.ParseError):
        return ()
    title = plain("".join(found["title"][:1]))
    title = _AUTHOR.sub("", title).strip() or title
    words = [plain(word) for word in found["li"]]
    words = [word for word in words if word and word not in _EMPTY_WORDS and len(word) < 40][:8]
    about = plain("".join(found["description"][:1]))[:160]
    said = [title, *words, about if len(about) > 10 and "http" not in about else ""]
    return tuple(dict.fromkeys(text for text in said if text and text not in ("untitled", "unknown", "none")))


def furniture(cache: Path) -> Iterator[Captioned]:
    """Sweet Home 3D's furniture: rendered objects with names, tags and category."""
    for path in sorted((debian("sweethome3d-furniture", cache)).rglob("*.sh3f")):
        with zipfile.ZipFile(path) as archive:
            table = archive.read("PluginFurnitureCatalog.properties").decode("latin1")
            entries: dict[str, dict[str, str]] = defaultdict(dict)
            for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*)$", table, re.MULTILINE):
                entries[number][key] = value.strip().encode().decode("unicode_escape")
            for entry in entries.values():
                icon = entry["icon"].lstrip("/")
                if icon not in archive.namelist():
                    continue
                tags = [plain(tag) for tag in entry.get("tags", "").split(",") if "Blend" not in tag]
                said = [plain(entry["name"]), *tags[:3], plain(entry.get("category", ""))]
                captions = tuple(dict.fromkeys(text for text in said if text))
                data = archive.read(icon)
                yield Captioned(source="furniture", captions=captions, style="", suffix=".png", data=data)


def emoji(cache: Path) -> Iterator[Captioned]:
    """Eight art styles of the same concepts, with the names and keywords of emojibase."""
    names = npm("emojibase-data", "17.0.0", cache) / "en" / "data.json"
    said: dict[str, tuple[str, ...]] = {}
    for entry in json.loads(names.read_text(encoding="utf-8")):
        if entry.get("group") != _FLAG_GROUP:
            said[_code(entry["hexcode"])] = (entry["label"], *entry.get("tags", [])[:10])
    for style, version in _STYLES.items():
        yield from _iconify(npm(f"@iconify-json/{style}", version, cache), style, said)
    for path in sorted((npm("@lobehub/fluent-emoji-3d", "1.1.0", cache) / "assets").glob("*.webp")):
        captions = said.get(_code(path.stem)) or said.get(_code(path.stem).lstrip("0"))
        if captions:
            yield Captioned(source="emoji", captions=captions, style="fluent3d", suffix=".webp", data=path)


def _iconify(folder: Path, style: str, said: dict[str, tuple[str, ...]]) -> Iterator[Captioned]:
    codes: dict[str, str] = {_code(code): name for code, name in _json(folder / "chars.json").items()}
    table = _json(folder / "icons.json")
    by_name = {plain(name): name for name in table["icons"]}
    for code, captions in said.items():
        name = codes.get(code) or by_name.get(plain(captions[0]).replace(":", ""))
        icon = table["icons"].get(name)
        if icon:
            yield Captioned(source="emoji", captions=captions, style=style, suffix=".svg", data=_svg(icon, table))


def _svg(icon: dict[str, Any], table: dict[str, Any]) -> bytes:
    height = icon.get("height", table.get("height", 16))
    width = icon.get("width", table.get("width", height))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} viewBox="{box}">{icon["body"]}</svg>'.encode()


def gcompris(cache: Path) -> Iterator[Captioned]:
    """Pictures of GCompris that are named after what they show: photos and drawings, about 470 of them."""
    for bundle in sorted(debian("gcompris-qt-data", cache).rglob("*.rcc")):
        for name, data in read_rcc(bundle):
            inside = name.partition("/activities/")[2]
            suffix = Path(name).suffix
            if (
                suffix not in (".webp", ".svg", ".png")
                or not inside.startswith(_GCOMPRIS)
                or _GCOMPRIS_NOT.search(name)
            ):
                continue
            title = plain(re.sub(r"^\d+_|\d+$", "", re.sub(r"_\d$", "", Path(name).stem)))
            if len(title) > 2:
                yield Captioned(source="gcompris", captions=(title,), style="", suffix=suffix, data=data)


def _code(text: str) -> str:
    return text.lower().replace("-fe0f", "")


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
