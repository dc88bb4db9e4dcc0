"""What a file is, by its content. The name only tells Markdown from plain text."""

import re
from pathlib import PurePath

from foveate.errors import MediaError
from foveate.media.decoding import looks_like_text, peek_text
from foveate.media.discover import FILM_SUFFIXES, PICTURE_SUFFIXES
from foveate.records import MediaKind

__all__ = ["HEAD_BYTES", "READERS", "kind_of", "sniff"]

HEAD_BYTES = 1 << 16

READERS: dict[str, tuple[MediaKind, str]] = {
    "png": ("image", "foveate.media.images"),
    "jpeg": ("image", "foveate.media.images"),
    "webp": ("image", "foveate.media.images"),
    "gif": ("image", "foveate.media.images"),
    "bmp": ("image", "foveate.media.images"),
    "tiff": ("image", "foveate.media.images"),
    "pdf": ("document", "foveate.media.pdf"),
    "text": ("document", "foveate.media.text"),
    "markdown": ("document", "foveate.media.text"),
    "html": ("document", "foveate.media.html"),
    "srt": ("document", "foveate.media.subtitles"),
    "vtt": ("document", "foveate.media.subtitles"),
    "mp4": ("film", "foveate.media.films"),
    "matroska": ("film", "foveate.media.films"),
    "webm": ("film", "foveate.media.films"),
    "avi": ("film", "foveate.media.films"),
    "mpegts": ("film", "foveate.media.films"),
    "mpeg": ("film", "foveate.media.films"),
    "ogg": ("film", "foveate.media.films"),
    "flv": ("film", "foveate.media.films"),
}
"""Format -> kind, and the module with ``facts(opened)`` and ``read(opened, part)``."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"\0\0\x01\xba", "mpeg"),
    (0, b"OggS", "ogg"),
    (0, b"FLV\x01", "flv"),
)
_RIFF = {b"WEBP": "webp", b"AVI ": "avi"}
_UNSUPPORTED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "a ZIP or Office file; save the documents in it as PDF or text"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file; save it as PDF"),
    (0, b"{\\rtf", "a rich text file; save it as PDF or text"),
    (0, b"%!PS", "PostScript; save it as PDF"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript; save it as PDF"),
    (0, b"8BPS", "a Photoshop file; save it as PNG or JPEG"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture; save it as PNG or JPEG"),
    (0, b"\xffO\xffQ", "a JPEG 2000 picture; save it as PNG or JPEG"),
    (0, b"SIMPLE  =", "a FITS picture; save it as PNG or TIFF"),
    (0, b"ID3", "a sound file; foveate reads films, not sound"),
    (0, b"fLaC", "a sound file; foveate reads films, not sound"),
    (8, b"WAVE", "a sound file; foveate reads films, not sound"),
    (0, b"\x1f\x8b", "a gzip archive; unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (0, b"Rar!", "a RAR archive; unpack it first"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
)
_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"jp2 ", b"crx ")
_SOUND_BRANDS = (b"M4A ", b"M4B ")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
# Possessive throughout: with ordinary repetition, a head of many comments can be split in 2^n ways.
_PROLOG = re.compile(
    r"\s*+(?:<\?xml[^>]{0,300}>\s*+)?(?:<!--(?:(?!-->).){0,4000}+-->\s*+)*+(?:<!doctype\s++svg[^>]{0,1000}>\s*+)?",
    re.IGNORECASE | re.DOTALL,
)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|meta|main|article|div|p|h1)\b", re.IGNORECASE)
_SVG = re.compile(r"<(?:\w{1,10}:)?svg\b", re.IGNORECASE)
_PLAYLIST = re.compile(
    r"\s*(?:#EXTM3U|ffconcat version|\[playlist\]|<\?xml[^>]{0,300}>\s*<(?:MPD|smil)\b|<(?:MPD|smil)\b)", re.I
)
_SRT = re.compile(r"\s*\d{1,9}\s*\n\s*\d{1,3}:\d{1,2}:\d{1,2}[,.]\d{1,3}\s*-->")
_MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".mkd"})


def kind_of(form: str) -> MediaKind:
    """Image, document or film."""
    return READERS[form][0]


def sniff(head: bytes, name: str) -> str:
    """Format of a file, a key of :data:`READERS`.

    Args:
        head: its first bytes, up to 64 KiB.
        name: its name. Tells Markdown from plain text, and sharpens the refusal of what it promises falsely.

    Raises:
        MediaError: ``media_unsupported`` with what it is, as far as known; ``media_empty`` without bytes.
    """
    if not head:
        raise MediaError("the file is empty", code="media_empty")
    form = _binary(head)
    if form is not None:
        return form
    for at, magic, what in _UNSUPPORTED:
        if head.startswith(magic, at):
            raise MediaError(f"unsupported: {what}", code="media_unsupported")
    if not looks_like_text(head):
        raise MediaError("unsupported: binary data of a kind foveate does not know", code="media_unsupported")
    return _textual(peek_text(head), name)


def _binary(head: bytes) -> str | None:
    form = next((form for at, magic, form in _MAGIC if head.startswith(magic, at)), None)
    if form is None and head[:4] == b"RIFF":
        form = _RIFF.get(head[8:12])
    if form is None and head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        form = "bmp"
    if form is None and head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        form = _iso(head)
    if form is None and head[:4] == b"\x1a\x45\xdf\xa3":
        form = "webm" if b"webm" in head[:64] else "matroska"
    if form is None and _is_transport(head):
        form = "mpegts"
    if form is None and head.lstrip(b"\xef\xbb\xbf\0\t\r\n ")[:5] == b"%PDF-":
        form = "pdf"
    return form


def _iso(head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        raise MediaError("unsupported: a HEIF, AVIF or raw picture; save it as PNG or JPEG", code="media_unsupported")
    if head[4:8] == b"ftyp" and head[8:12] in _SOUND_BRANDS:
        raise MediaError("unsupported: a sound file; foveate reads films, not sound", code="media_unsupported")
    return "mp4"


def _is_transport(head: bytes) -> bool:
    # Packets of 188 bytes, or 192 with a time stamp before each (Blu-ray), each led by 0x47.
    return any(
        len(head) > first + 2 * size and all(head[first + k * size] == 0x47 for k in range(3))
        for first, size in ((0, 188), (4, 192))
    )


def _textual(text: str, name: str) -> str:
    suffix = PurePath(name).suffix.lower()
    prolog = _PROLOG.match(text)
    start = prolog.end() if prolog else 0
    if _SVG.match(text, start):
        raise MediaError(
            "unsupported: SVG is a program that draws, not a picture; save it as PNG", code="media_unsupported"
        )
    if _PLAYLIST.match(text):
        raise MediaError("unsupported: a playlist that names other files, not a film", code="media_unsupported")
    if suffix in PICTURE_SUFFIXES or suffix in FILM_SUFFIXES - {".ts", ".mts"}:  # those two are also program code
        raise MediaError(f"unsupported: named {suffix!r}, but it holds text", code="media_unsupported")
    if text.lstrip("\ufeff").startswith("WEBVTT"):
        return "vtt"
    if _SRT.match(text):
        return "srt"
    if _HTML.match(text, start):
        return "html"
    return "markdown" if suffix in _MARKDOWN_SUFFIXES else "text"
