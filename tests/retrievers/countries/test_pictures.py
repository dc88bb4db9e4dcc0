"""Pictures, from packages in their own formats that were put into the cache by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from foveate.retrievers.training.countries import pictures
from foveate.retrievers.training.countries.pictures import Picture, alike, asked_flags, flags, others, rendered
from tests.retrievers.countries.made import flag, small_world

pytest.importorskip("resvg_py")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><rect width="20" height="30" fill="#f00"/></svg>'


def _package(cache: Path, name: str) -> Path:
    folder = cache / "npm" / f"{name.replace('/', '+')}@{pictures.PACKAGES[name]}"
    folder.mkdir(parents=True)
    return folder


def _icons(folder: Path, names: list[str]) -> None:
    body = '<circle cx="8" cy="8" r="8" fill="#00f"/>'
    table: dict[str, Any] = {"icons": {name: {"body": body} for name in names}, "height": 16}
    (folder / "icons.json").write_text(json.dumps(table))


def test_rendered_on_white() -> None:
    image = rendered(SVG)
    assert (image.mode, image.size) == ("RGB", (320, 240))
    assert (image.getpixel((10, 10)), image.getpixel((310, 10))) == ((255, 0, 0), (255, 255, 255))


def test_flags_to_find(tmp_path: Path) -> None:
    folder = _package(tmp_path, "flag-icons") / "flags" / "4x3"
    folder.mkdir(parents=True)
    for code in ("fj", "bs"):
        (folder / f"{code}.svg").write_text(SVG)
    found = [(picture.name, picture.caption) for picture in flags(small_world(), tmp_path)]
    assert found == [("flag-bahamas", "Flag of the Bahamas"), ("flag-fiji", "Flag of Fiji")]


def test_flags_to_ask_with(tmp_path: Path) -> None:
    _icons(_package(tmp_path, pictures.ASKED), ["fj", "xx"])
    (found,) = asked_flags(small_world(), tmp_path)
    assert found.name == "flag-fiji" and found.image.getpixel((160, 160)) == (0, 0, 255)


def test_others_show_neither_flags_nor_people(tmp_path: Path) -> None:
    folder = _package(tmp_path, "@iconify-json/noto")
    _icons(folder, ["bell", "grin", "fj", "fork"])
    (folder / "chars.json").write_text(
        json.dumps({"1f514": "bell", "1f600": "grin", "1f1eb": "fj", "1f374-fe0f": "fork", "1f3c1": "gone"})
    )
    names = _package(tmp_path, "emojibase-data") / "en"
    names.mkdir()
    entries = [
        {"label": "bell", "hexcode": "1F514", "group": 7},
        {"label": "grinning face", "hexcode": "1F600", "group": 0},
        {"label": "flag: Fiji", "hexcode": "1F1EB", "group": 9},
        {"label": "fork", "hexcode": "1F374", "group": 4},
        {"label": "finish", "hexcode": "1F3C1", "group": 7},
        {"label": "letter", "hexcode": "1F1E6"},
    ]
    (names / "data.json").write_text(json.dumps(entries))
    assert [(one.name, one.caption) for one in others(tmp_path)] == [("emoji-bell", "Bell"), ("emoji-fork", "Fork")]
    assert len([*others(tmp_path, 1)]) == 1


def test_alike() -> None:
    same = [flag("peru", "black", "green"), flag("bolivia", "black", "green"), flag("fiji", "cyan", "navy")]
    assert alike(same) == {"flag-peru", "flag-bolivia"}
    # They differ in a shade that the drawings may exaggerate.
    assert alike([flag("chad", "navy"), flag("fiji", "cyan")]) == {"flag-chad"}


def test_a_picture_is_what_it_was_given() -> None:
    one = flag("fiji", "cyan")
    assert Picture(name=one.name, caption=one.caption, image=one.image) == one
