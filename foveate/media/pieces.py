"""What a reader hands to ingest: a probe of the file, then its pieces, part by part."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from foveate.locators import Locator
from foveate.records import Media, Part

__all__ = ["Facts", "Limits", "Opened", "Piece", "Pixels", "Probe", "ReadOptions", "Reading", "Skipped", "Source"]

Pixels = NDArray[np.uint8]
"""(height, width, 3) RGB, turned upright, flattened on white."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Checked before decoding. A file over one of them is a ``media_bomb``."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # an unknown key in the settings is refused by name

    file_bytes: int = 4 << 30
    text_bytes: int = 64 << 20
    """For text, Markdown and HTML files."""
    pixels: int = 64_000_000
    """Width x height of one picture, page picture or frame."""
    pages: int = 20_000
    duration_s: float = 12 * 3600.0
    chunks: int = 200_000
    """Pieces of one reading."""
    task_s: float = 120.0
    """Processor seconds of one probe or one part; a decoder that needs more is ended."""
    memory_bytes: int = 4 << 30
    """Address space of a decoder process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOptions:
    """How media are cut. All of it is part of a collection's recipe: change it and the file is read again."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # an unknown key in the settings is refused by name

    picture_px: int = 512
    """Longest side of the pixels handed to an encoder; larger pictures are scaled down with antialiasing."""
    tile_over_px: int = 1200
    """Pictures whose longest side is above this also get overlapping tiles."""
    tile_overlap: float = 0.2
    """Share of a tile that the next one repeats."""
    passage_chars: int = 400
    """Aim for a passage; sentences are never cut unless one alone is longer."""
    passage_overlap: int = 1
    """Sentences that the next passage repeats."""
    page_pictures: bool = True
    frame_every_s: float = 2.0
    """At most one frame a film per this many seconds, taken from key frames."""
    ocr: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A regular file found on disk, with what lies beside it."""

    path: Path
    """Absolute."""
    size_bytes: int
    mtime_ns: int
    caption: Path | None = None
    """Sidecar ``NAME.txt`` of a picture or film."""
    subtitles: Path | None = None
    """Sidecar ``NAME.srt`` or ``NAME.vtt`` of a film."""
    linked: bool = False
    """``path`` is a symbolic link that was followed because its target lies inside the indexed folders."""

    @property
    def sidecars(self) -> tuple[Path, ...]:
        """The sidecars there are, in fixed order."""
        return tuple(path for path in (self.caption, self.subtitles) if path is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A path that is not read, and why."""

    path: Path
    reason: str
    code: str
    """As in :class:`foveate.errors.MediaError`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A source with its bytes open and its format known: what every reader module gets."""

    stream: BinaryIO
    """At offset 0, seekable."""
    format: str
    source: Source
    limits: Limits
    options: ReadOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a file says of itself, read without decoding it."""

    parts: int = 1
    title: str | None = None
    date: str | None = None
    place: tuple[float, float] | None = None
    duration_s: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What is known before decoding."""

    media: Media
    parts: int
    """How many calls of :func:`foveate.media.read.read` it takes: page ranges of a PDF, stretches of a film."""
    notes: tuple[str, ...] = ()
    """What a person should know: ``decoded as latin-1``, ``first frame of 12``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A chunk before it has ids and vectors."""

    part: Part
    locator: Locator
    text: str | None = None
    pixels: Pixels | None = None
    parent: int | None = None
    """Position of the parent among the pieces of the same reading; it comes before its children."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One part of a file, cut."""

    pieces: tuple[Piece, ...]
    notes: tuple[str, ...] = ()
