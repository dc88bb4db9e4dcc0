"""Pictures: opened behind every guard, turned upright, flattened on white, scaled, tiled.

ICC profiles are ignored: pixels are taken as sRGB. Of animations and TIFF stacks the first picture is read.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from PIL import Image

from foveate.chunking.tiles import tile_boxes
from foveate.errors import MediaError
from foveate.locators import Box
from foveate.media.decoding import decode
from foveate.media.exif import date_of, exif_of, place_of
from foveate.media.opening import read_sidecar
from foveate.media.pieces import Facts, Limits, Opened, Piece, Pixels, Reading, Source

__all__ = ["WHOLE", "caption_of", "cut", "facts", "fitted", "open_image", "prepare", "read", "upright"]

WHOLE = Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0)
_PILLOW = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
_MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"}
)
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


def facts(opened: Opened) -> Facts:
    """Size checks, date and place, from the header alone."""
    with open_image(opened.stream, opened.format, opened.limits) as picture:
        exif = exif_of(picture)
        # is_animated asks for a second frame at most; n_frames would walk through a bomb of them.
        several = bool(getattr(picture, "is_animated", False)) and opened.format != "tiff"
        notes = ("animated: the first frame is read",) if several else ()
        return Facts(date=date_of(exif), place=place_of(exif), notes=notes)


def read(opened: Opened, part: int) -> Reading:
    """The whole picture, then its tiles, then the text read off it."""
    del part  # pictures have one
    options = opened.options
    with open_image(opened.stream, opened.format, opened.limits) as picture:
        whole_px = options.picture_px
        if not options.ocr:
            prepare(picture, whole_px, opened)
        full = upright(picture)
    caption, notes = caption_of(opened.source)
    pieces = [Piece(part="picture", locator=WHOLE, text=caption, pixels=np.asarray(fitted(full, whole_px)))]
    boxes = tile_boxes(*full.size, over=options.tile_over_px, overlap=options.tile_overlap)
    for box in boxes:
        pixels = np.asarray(fitted(cut(full, box), whole_px))
        pieces.append(Piece(part="tile", locator=box, pixels=pixels, parent=0))
    if options.ocr:
        from foveate.media.ocr import lines_of  # late: the package is optional and heavy

        pieces += [Piece(part="ocr", locator=box, text=text, parent=0) for box, text in lines_of(np.asarray(full))]
    return Reading(pieces=tuple(pieces), notes=notes)


@contextmanager
def open_image(stream: BinaryIO, form: str, limits: Limits) -> Iterator[Image.Image]:
    """Open a picture whose format is known, with its header checked and nothing decoded.

    Raises:
        MediaError: ``media_bomb`` from the header alone, or ``media_broken``.
    """
    try:
        with warnings.catch_warnings():
            # Own limit just below; Pillow's error at twice its own stays, the child process sets both equal.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(stream, formats=(_PILLOW[form],))
    except Image.DecompressionBombError:
        raise MediaError(f"more pixels than the limit of {limits.pixels}", code="media_bomb") from None
    except Exception as error:
        raise MediaError("damaged: the picture's header cannot be read") from error
    with picture:
        width, height = picture.size
        if width * height > limits.pixels:
            raise MediaError(f"{width} x {height} pixels; the limit is {limits.pixels} in all", code="media_bomb")
        yield picture


def prepare(picture: Image.Image, longest_px: int, opened: Opened) -> None:
    """Let a JPEG that needs no tiles decode at a half, a quarter or an eighth, still twice what is wanted."""
    if opened.format == "jpeg" and max(picture.size) <= opened.options.tile_over_px:
        picture.draft("RGB", (longest_px * 2, longest_px * 2))


def upright(picture: Image.Image) -> Image.Image:
    """Decode a picture into RGB: 16 bits scaled to 8, flattened on white, turned as EXIF says.

    Raises:
        MediaError: ``media_broken`` where the bytes end or err, ``media_unsupported`` for an unknown mode.
    """
    try:
        picture.load()
    except MemoryError:
        raise
    except Exception as error:
        raise MediaError("damaged: the picture's data ends early or is wrong") from error
    turn = _TRANSPOSE.get(exif_of(picture).get(_ORIENTATION, 1))  # after load(): TIFF turns itself then
    flat = _flattened(picture)
    return flat.transpose(turn) if turn is not None else flat


def fitted(picture: Image.Image, longest_px: int) -> Image.Image:
    """Scale down so that the longer side is at most ``longest_px``, never up."""
    width, height = picture.size
    if max(width, height) <= longest_px:
        return picture
    scale = longest_px / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # reducing_gap: box-reduce by whole steps first; 3 keeps the result equal to the eye at a third of the time.
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """The pixels of a box, at least one."""
    width, height = picture.size
    x0, y0 = min(round(box.x0 * width), width - 1), min(round(box.y0 * height), height - 1)
    x1, y1 = max(round(box.x1 * width), x0 + 1), max(round(box.y1 * height), y0 + 1)
    return picture.crop((x0, y0, x1, y1))


def caption_of(source: Source) -> tuple[str | None, tuple[str, ...]]:
    """The sidecar's words, None without, and notes on its encoding."""
    if source.caption is None:
        return None, ()
    caption = decode(read_sidecar(source.caption))
    return caption.text.strip() or None, tuple(f"caption: {note}" for note in caption.notes)


def _flattened(picture: Image.Image) -> Image.Image:
    mode = picture.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        return Image.fromarray(_eight_bits(np.asarray(picture))).convert("RGB")
    if mode not in _MODES:
        raise MediaError(f"unsupported: pixel format {mode!r}", code="media_unsupported")
    if "transparency" not in picture.info and mode not in ("LA", "La", "PA", "RGBA", "RGBa"):
        return picture if mode == "RGB" else picture.convert("RGB")  # which would copy it
    if mode == "P" and not isinstance(picture.info.get("transparency"), int | bytes):
        picture = picture.convert("RGB")
    layer = picture.convert("RGBA")
    white = Image.new("RGB", layer.size, (255, 255, 255))
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _eight_bits(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Pixels:
    """Grey values of 16 bits and more as 8, scaled and not cut off.

    The scale is the format's own where the values fit it (255, 65535), else from the smallest to the largest.
    """
    grey = np.nan_to_num(values.astype(np.float64))
    low, high = float(grey.min()), float(grey.max())
    if values.dtype == np.uint16 or (0.0 <= low and 255.0 < high <= 65535.0):
        low, high = 0.0, 65535.0
    elif 0.0 <= low and 1.0 < high <= 255.0:
        low, high = 0.0, 255.0
    elif 0.0 <= low and high <= 1.0:
        low, high = 0.0, 1.0
    return np.rint((grey - low) * (255.0 / max(high - low, 1e-12))).clip(0, 255).astype(np.uint8)
