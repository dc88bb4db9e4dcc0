"""Pixels of a place in a file, as a decoder process makes them."""

import numpy as np
from PIL import Image, ImageDraw

from foveate.errors import CallerError, MediaError
from foveate.locators import Box, CharSpan, Locator, PageBox, TimeSpan
from foveate.media.formats import HEAD_BYTES, kind_of, sniff
from foveate.media.images import cut, fitted, open_image, prepare, upright
from foveate.media.opening import open_source
from foveate.media.pieces import Limits, Opened, Pixels, ReadOptions, Source
from foveate.media.probe import broken

__all__ = ["pixels_at"]

_MARK = (214, 40, 40)


def pixels_at(source: Source, locator: Locator, max_px: int, limits: Limits, options: ReadOptions) -> Pixels:
    """The picture of a place: a box cut out, a page with the box marked, a film's frame.

    Raises:
        CallerError: the place has no picture, or is not of this file's kind.
        MediaError: the file cannot be read.
    """
    if isinstance(locator, CharSpan):
        raise CallerError("characters of a text have no picture")
    if max_px < 1:
        raise CallerError(f"max_px {max_px!r} must be 1 or more")
    try:
        with open_source(source) as stream:
            form = sniff(stream.read(HEAD_BYTES), source.path.name)
            stream.seek(0)
            opened = Opened(stream=stream, format=form, source=source, limits=limits, options=options)
            return _pixels(opened, locator, max_px)
    except Exception as error:
        raise broken(error) from error


def _pixels(opened: Opened, locator: Locator, max_px: int) -> Pixels:
    match kind_of(opened.format), locator:
        case "image", Box():
            return _box(opened, locator, max_px)
        case "document", PageBox() if opened.format == "pdf":
            return _page(opened, locator, max_px)
        case "film", TimeSpan():
            return _frame(opened, locator, max_px)
    raise CallerError(f"a file of format {opened.format!r} has no picture at a {type(locator).__name__}")


def _box(opened: Opened, box: Box, max_px: int) -> Pixels:
    with open_image(opened.stream, opened.format, opened.limits) as picture:
        if box.whole:
            prepare(picture, max_px, opened)
        return np.asarray(fitted(cut(upright(picture), box), max_px))


def _page(opened: Opened, box: PageBox, max_px: int) -> Pixels:
    from foveate.media.pdf import open_pdf, page_count, render_page  # late: heavy, and for PDF alone

    with open_pdf(opened) as document:
        pages = page_count(document, opened.limits)
        if box.page > pages:
            raise MediaError(f"page {box.page} of {pages}")
        page = document[box.page - 1]
        try:
            pixels = render_page(page, max_px, opened.limits)
        finally:
            page.close()
    if (box.x0, box.y0, box.x1, box.y1) == (0.0, 0.0, 1.0, 1.0):
        return pixels
    return _marked(pixels, box)


def _marked(pixels: Pixels, box: PageBox) -> Pixels:
    picture = Image.fromarray(pixels)
    width, height = picture.size
    line = max(1, round(max(width, height) / 400))
    x0, y0 = max(0.0, box.x0 * width - 2 * line), max(0.0, box.y0 * height - 2 * line)
    x1, y1 = min(width - 1.0, box.x1 * width + 2 * line), min(height - 1.0, box.y1 * height + 2 * line)
    ImageDraw.Draw(picture).rectangle((x0, y0, max(x0, x1), max(y0, y1)), outline=_MARK, width=line)
    return np.asarray(picture)


def _frame(opened: Opened, span: TimeSpan, max_px: int) -> Pixels:
    from foveate.media.films import film_frame, open_film  # late: heavy, and for films alone

    with open_film(opened.stream, opened.format, opened.limits) as (container, stream):
        return film_frame(container, stream, span.start_s, max_px, opened.limits)
