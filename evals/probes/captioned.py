"""Captioned pictures that probes look at, from a folder with sidecars or from a TSV."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from foveate.errors import CallerError
from foveate.evals.reading.rows import csv_rows
from foveate.media.decoding import decode
from foveate.media.discover import discover
from foveate.media.formats import HEAD_BYTES, sniff
from foveate.media.images import fitted, open_image, upright
from foveate.media.opening import open_source, read_sidecar
from foveate.media.pieces import Limits, Source

__all__ = ["Captioned", "open_picture", "opened", "read_captioned", "short_name", "thinned"]

_PICTURE_PX = 512
_FORMATS = frozenset({"png", "jpeg", "webp", "gif", "bmp", "tiff"})
_ARTICLE = re.compile(r"^(a|an|the|some)\s+", re.IGNORECASE)
_NAME_WORDS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Captioned:
    """One picture with its words."""

    id: str
    """Path below the folder or as the TSV has it; unique."""
    path: Path
    caption: str
    """One line."""
    name: str | None = None
    """What it shows, as a noun without article (``harp``); None where nobody said."""


def read_captioned(where: Path) -> tuple[Captioned, ...]:
    """Pictures of a folder with a ``.txt`` beside each (line 1 is the caption), or of a TSV.

    A TSV has the columns ``picture`` (path from the TSV's own folder) and ``caption``, and may have ``name``.

    Raises:
        CallerError: nothing there, a wrong row, or no captioned picture.
        MediaError: a caption that cannot be read.
    """
    found = _listed(where) if where.is_file() else _beside(where)
    if not found:
        raise CallerError(f"{str(where)!r} holds no picture with a .txt caption beside it")
    return found


def _beside(folder: Path) -> tuple[Captioned, ...]:
    if not folder.is_dir():
        raise CallerError(f"no folder or TSV of captioned pictures at {str(folder)!r}")
    found = []
    for source in discover([folder]):
        if not isinstance(source, Source) or source.caption is None:
            continue
        lines = decode(read_sidecar(source.caption)).text.strip().splitlines()
        if lines and ".utf8=" not in lines[0]:  # the stamps' sidecars without an English caption
            name = source.path.relative_to(folder.absolute()).as_posix()
            found.append(Captioned(id=name, path=source.path, caption=lines[0].strip(), name=short_name(lines[0])))
    return tuple(found)


def _listed(table: Path) -> tuple[Captioned, ...]:
    found = []
    seen: set[str] = set()
    for row in csv_rows(table, delimiter="\t"):
        name = row.get("picture", str)
        path = table.parent / name
        if name in seen or not path.is_file():
            fault = "is there twice" if name in seen else "does not exist"
            raise CallerError(f"{row.where}: picture {name!r} {fault}")
        seen.add(name)
        caption = row.get("caption", str)
        found.append(
            Captioned(id=name, path=path, caption=caption, name=row.get("name", str, "") or short_name(caption))
        )
    return tuple(found)


def short_name(caption: str) -> str | None:
    """The caption without article and full stop where that leaves one or two words: ``A heron.`` -> ``heron``."""
    bare = _ARTICLE.sub("", caption.strip().rstrip(".!")).strip()
    return bare.lower() if 0 < len(bare.split()) <= _NAME_WORDS else None


def open_picture(path: Path, *, longest_px: int = _PICTURE_PX, limits: Limits | None = None) -> Image.Image:
    """Open a picture behind the project's guards, upright, as RGBA, scaled down to ``longest_px``.

    ``info["size"]`` holds its own (width, height) in pixels.

    Raises:
        CallerError: no such file.
        MediaError: no picture, damaged, or over the limits.
    """
    source = next(iter(discover([path])), None)
    if not isinstance(source, Source):
        raise CallerError(f"no picture at {str(path)!r}" + (f": {source.reason}" if source else ""))
    with open_source(source) as stream:
        form = sniff(stream.read(HEAD_BYTES), path.name)
        if form not in _FORMATS:
            raise CallerError(f"{str(path)!r} is {form}; a picture is expected ({', '.join(sorted(_FORMATS))})")
        stream.seek(0)
        with open_image(stream, form, limits or Limits()) as picture:
            flat = upright(picture)  # decodes behind the guards; turned as EXIF says
            clear = ImageOps.exif_transpose(picture).convert("RGBA") if _has_alpha(picture) else flat.convert("RGBA")
    small = fitted(clear, longest_px)
    small.info = {"size": flat.size}
    return small


def opened(items: Sequence[Captioned], *, longest_px: int = _PICTURE_PX) -> list[Image.Image]:
    """The pictures of all items, see :func:`open_picture`."""
    return [open_picture(item.path, longest_px=longest_px) for item in items]


def thinned(items: Sequence[Captioned], limit: int | None, *, seed: int = 0) -> tuple[Captioned, ...]:
    """At most ``limit`` of the items, drawn by ``seed``, in their order.

    Raises:
        CallerError: a limit below 1.
    """
    if limit is not None and limit < 1:
        raise CallerError(f"limit is {limit!r}; it must be at least 1")
    if limit is None or limit >= len(items):
        return tuple(items)
    kept = np.sort(np.random.default_rng(seed).choice(len(items), limit, replace=False))
    return tuple(items[i] for i in kept)


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
