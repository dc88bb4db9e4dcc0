"""PDF by PDFium: a picture of each page, and its text as passages with their box on the page.

PDFium is not safe for threads: it runs in decoder processes, one call at a time. Built without JavaScript and
XFA; no form environment is made; attachments are not opened.
"""

import ctypes
import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from foveate.chunking.passages import passages
from foveate.errors import MediaError
from foveate.locators import PageBox
from foveate.media.decoding import clean
from foveate.media.exif import iso_date
from foveate.media.pieces import Facts, Limits, Opened, Piece, Pixels, Reading, ReadOptions

__all__ = ["facts", "open_pdf", "page_count", "read", "render_page"]

_PAGES = 8
"""Pages of one part."""
_PAGE_CHARS = 1_000_000
_GRID = 1_000_000
"""PDFium gives device coordinates as integers; on a page this many pixels wide they are exact to six digits."""
_HYPHENS = (0x02, 0xFFFE)
"""What PDFium puts for a hyphen that only the line break caused."""
_BULLETS = ("\u2022 ", "\u2023 ", "\u25aa ", "\u25e6 ", "\u2013 ", "- ")
Place = tuple[float, float]


def facts(opened: Opened) -> Facts:
    """Pages, title and date."""
    with open_pdf(opened) as document:
        pages = page_count(document, opened.limits)
        info = document.get_metadata_dict()
    title = " ".join(clean(info.get("Title") or "")[0].split())[:300]
    return Facts(parts=-(-pages // _PAGES), title=title or None, date=_date(info.get("CreationDate") or ""))


def read(opened: Opened, part: int) -> Reading:
    """Pieces of up to eight pages."""
    pieces: list[Piece] = []
    notes: list[str] = []
    faults: list[MediaError] = []
    with open_pdf(opened) as document:
        pages = page_count(document, opened.limits)
        for number in range(part * _PAGES, min(pages, (part + 1) * _PAGES)):
            try:
                pieces += _page(document, number, len(pieces), opened)
            except (MediaError, pdfium.PdfiumError) as error:
                fault = error if isinstance(error, MediaError) else MediaError("damaged")
                notes.append(f"page {number + 1} left out: {fault}")
                faults.append(fault)
    if faults and not pieces:
        raise faults[0]
    return Reading(pieces=tuple(pieces), notes=tuple(notes))


@contextmanager
def open_pdf(opened: Opened) -> Iterator[Any]:
    """Open a document.

    Raises:
        MediaError: ``media_unsupported`` when it wants a password, ``media_broken`` when damaged.
    """
    try:
        document = pdfium.PdfDocument(opened.stream)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise MediaError("encrypted: it opens with a password only", code="media_unsupported") from None
        raise MediaError("damaged: not a readable PDF") from None
    try:
        yield document
    finally:
        document.close()


def page_count(document: Any, limits: Limits) -> int:
    """Number of pages.

    Raises:
        MediaError: ``media_empty`` without pages, ``media_bomb`` above ``limits.pages``.
    """
    pages = len(document)
    if pages < 1:
        raise MediaError("a PDF without pages", code="media_empty")
    if pages > limits.pages:
        raise MediaError(f"{pages} pages; the limit is {limits.pages}", code="media_bomb")
    return pages


def render_page(page: Any, longest_px: int, limits: Limits) -> Pixels:
    """Picture of a page, on white, longer side ``longest_px`` or less.

    Raises:
        MediaError: ``media_bomb`` for a page whose area in points (1/72 inch) exceeds ``limits.pixels``.
    """
    width, height = page.get_size()
    if not (width > 0 and height > 0):  # also refuses NaN
        raise MediaError("a page without area")
    if width * height > limits.pixels:
        raise MediaError(f"a page of {width:.0f} x {height:.0f} points", code="media_bomb")
    # PDFium rounds up; a hair less keeps the longer side within what was asked for.
    scale = (longest_px - 1e-3) / max(width, height)
    bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
    try:
        return np.ascontiguousarray(bitmap.to_numpy()[..., :3])
    finally:
        bitmap.close()


def _page(document: Any, number: int, first: int, opened: Opened) -> list[Piece]:
    """Pieces of one page; ``first`` is where they come to stand in the reading."""
    page = document[number]
    try:
        pieces: list[Piece] = []
        if opened.options.page_pictures:
            pixels = render_page(page, opened.options.picture_px, opened.limits)
            whole = PageBox(page=number + 1, x0=0.0, y0=0.0, x1=1.0, y1=1.0)
            pieces.append(Piece(part="page", locator=whole, pixels=pixels))
        parent = first if pieces else None
        return pieces + list(_passages(page, number + 1, parent, opened.options))
    finally:
        page.close()


def _passages(page: Any, number: int, parent: int | None, options: ReadOptions) -> Iterator[Piece]:
    words = page.get_textpage()
    try:
        text, origin, jumps = _text(words)
        spans = passages(text, max_chars=options.passage_chars, overlap=options.passage_overlap, sections=jumps)
        for span in spans:
            first, last = origin[span.start], origin[span.end - 1]
            box = _box(page, words, number, first, last - first + 1)
            yield Piece(part="passage", locator=box, text=text[span.start : span.end], parent=parent)
    finally:
        words.close()


def _text(words: Any) -> tuple[str, list[int], list[int]]:
    """Text of a page with lines joined and paragraphs apart.

    Returns:
        The text; for each of its characters the number PDFium gives it; and the offsets where the text jumps to
        another column or from a header, so that no passage spans both.
    """
    lines = [(first, codes, _place(words, first)) for first, codes in _lines(words)]
    pitch = _pitch([place for _, _, place in lines])
    out: list[str] = []
    origin: list[int] = []
    jumps: list[int] = []
    glue, before = "", None
    for first, codes, place in lines:
        line, kept = _cleaned(codes)
        jump = _jumps(before, place, pitch) and not (line[:1].islower() and glue == " ")
        if out:
            item = "\n" if line.startswith(_BULLETS) else glue
            out.append("\n\n" if jump or _starts_paragraph(before, place, pitch) else item)
            origin += [first] * len(out[-1])
        if jump:
            jumps.append(len(origin))
        out.append(line)
        origin += [first + i for i in kept]
        glue, before = "" if codes[-1] in _HYPHENS else " ", place
    return "".join(out), origin, jumps


def _lines(words: Any) -> Iterator[tuple[int, list[int]]]:
    """Lines as PDFium breaks them: number of the first character, then the code points."""
    count = min(words.count_chars(), _PAGE_CHARS)
    start, line = 0, []
    for i in range(count):
        code = raw.FPDFText_GetUnicode(words, i)
        if code not in (10, 13):
            line.append(code)
        if line and (code in (10, 13) or code in _HYPHENS):
            yield start, line
            line = []
        if not line:
            start = i + 1
    if line:
        yield start, line


def _cleaned(codes: list[int]) -> tuple[str, list[int]]:
    """A line's characters that may pass, and their places in it."""
    pairs = [(char, i) for i, code in enumerate(codes) if (char := _char(code))]
    return "".join(char for char, _ in pairs), [i for _, i in pairs]


def _char(code: int) -> str:
    if code in _HYPHENS or not 0 < code < 0x110000:
        return ""
    char = chr(code)
    if " " <= char <= "~":
        return char
    return clean(char)[0].replace("\n", " ")


def _rects(words: Any, first: int, count: int) -> Iterator[tuple[float, float, float, float]]:
    """Boxes of a run of characters in page points, (left, bottom, right, top)."""
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    for i in range(raw.FPDFText_CountRects(words, first, count)):
        if raw.FPDFText_GetRect(words, i, left, top, right, bottom):
            yield left.value, bottom.value, right.value, top.value


def _place(words: Any, first: int) -> Place:
    """Baseline and font size of a line's first character, in points."""
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(words, first, x, y)
    return y.value, float(raw.FPDFText_GetFontSize(words, first))


def _pitch(places: list[Place]) -> float:
    """Usual distance of two baselines: the third of the ten steps from narrow to wide, as paragraphs widen it."""
    steps = sorted(above[0] - below[0] for above, below in pairwise(places) if above[0] - below[0] > 1.0)
    return steps[3 * len(steps) // 10] if len(steps) > 2 else math.inf


def _starts_paragraph(before: Place | None, place: Place, pitch: float) -> bool:
    """Whether a line stands clearly apart from the one before it, or is of clearly other size (a heading)."""
    if before is None:
        return False
    tall, low = max(before[1], place[1]), min(before[1], place[1])
    return before[0] - place[0] > 1.35 * min(pitch, 1.8 * tall) or tall > 1.15 * low


def _jumps(before: Place | None, place: Place, pitch: float) -> bool:
    """Whether a line lies above the one before it: text goes on in the next column, or came from a footer."""
    return before is not None and place[0] - before[0] > 3 * min(pitch, 1.8 * max(before[1], place[1], 1.0))


def _box(page: Any, words: Any, number: int, first: int, count: int) -> PageBox:
    """Box of a run of characters on the page as it is shown, cropped and turned."""
    corners = [
        _on_page(page, x, y)
        for left, bottom, right, top in _rects(words, first, count)
        for x, y in ((left, bottom), (right, top))
    ]
    if not corners:
        return PageBox(page=number, x0=0.0, y0=0.0, x1=1.0, y1=1.0)
    x0, x1 = _span([x for x, _ in corners])
    y0, y1 = _span([y for _, y in corners])
    return PageBox(page=number, x0=x0, y0=y0, x1=x1, y1=y1)


def _on_page(page: Any, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, across, down)
    return across.value / _GRID, down.value / _GRID


def _span(values: list[float]) -> tuple[float, float]:
    """Lowest and highest, kept inside the page and apart."""
    low = min(max(min(values), 0.0), 1.0 - 2e-6)
    return low, min(max(max(values), low + 1e-6), 1.0)


def _date(value: str) -> str | None:
    """``D:20210504130201+02'00'`` (ISO 32000-1, 7.9.4) as ISO 8601."""
    digits = value.removeprefix("D:")
    if not digits[:8].isdigit():
        return None
    stamp = f"{digits[:4]}:{digits[4:6]}:{digits[6:8]}"
    if digits[8:12].isdigit() and len(digits) >= 12:
        stamp += f" {digits[8:10]}:{digits[10:12]}:{digits[12:14] if digits[12:14].isdigit() else '00'}"
    found = iso_date(stamp)
    zone = digits[14:].replace("'", ":").rstrip(":")
    if found and "T" in found and zone[:1] in ("+", "-") and len(zone) == 6:
        return found + zone
    return found + "+00:00" if found and "T" in found and zone[:1] == "Z" else found
