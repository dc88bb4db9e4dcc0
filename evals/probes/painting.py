"""Words painted into pictures, and painted over again."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foveate.errors import CallerError
from foveate.locators import Box

__all__ = ["Reader", "blanked", "masked", "read_boxes", "spotted"]

Reader = Callable[[Image.Image], Sequence[Box]]
"""Finds the boxes of text in a picture."""

_HEIGHT = 0.16
"""Height of the strip with the word, in heights of the picture: near the median of text in web pictures."""
_INK, _PAPER = (0, 0, 0), (255, 255, 255)
_RIM_PX = 4


def spotted(image: Image.Image, word: str) -> tuple[Image.Image, Box]:
    """Paint a word in black on a white strip at the foot of a picture.

    Returns:
        The picture as RGB, alpha on white, and the strip. The strip's height depends on the picture alone, its width is
        the picture's: equal pictures get equal strips whatever the word.

    Raises:
        CallerError: no word.
    """
    if not word.strip():
        raise CallerError("no word to paint")
    flat, box, area = _strip(image)
    draw = ImageDraw.Draw(flat)
    draw.rectangle(area, fill=_PAPER)
    x0, y0, x1, y1 = area
    size = float(y1 - y0) * 0.85
    font = ImageFont.load_default(size)
    length = draw.textlength(word, font=font)
    if length > (x1 - x0) * 0.95:  # long words are set smaller, never cut
        font = ImageFont.load_default(max(size * (x1 - x0) * 0.95 / length, 4.0))
    draw.text(((x0 + x1) / 2, (y0 + y1) / 2), word, font=font, fill=_INK, anchor="mm")
    return flat, box


def blanked(image: Image.Image) -> tuple[Image.Image, Box]:
    """The same strip without a word: what covering costs, apart from what reading brings."""
    flat, box, area = _strip(image)
    ImageDraw.Draw(flat).rectangle(area, fill=_PAPER)
    return flat, box


def masked(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """The picture as RGB with each box filled by the median colour just around it."""
    flat = _flat(image)
    pixels = np.array(flat)
    height, width = pixels.shape[:2]
    for box in boxes:
        x0, y0 = int(box.x0 * width), int(box.y0 * height)
        x1, y1 = int(np.ceil(box.x1 * width)), int(np.ceil(box.y1 * height))
        near = np.zeros((height, width), dtype=bool)
        near[max(y0 - _RIM_PX, 0) : y1 + _RIM_PX, max(x0 - _RIM_PX, 0) : x1 + _RIM_PX] = True
        near[y0:y1, x0:x1] = False
        # A box over the whole picture has nothing around it; then its own median stands for it.
        around = pixels[near] if near.any() else pixels.reshape(-1, 3)
        pixels[y0:y1, x0:x1] = np.median(around, axis=0).astype(np.uint8)
    return Image.fromarray(pixels)


def read_boxes(image: Image.Image) -> tuple[Box, ...]:
    """Where RapidOCR reads text.

    Raises:
        ExtraMissing: RapidOCR is not installed.
    """
    from foveate.media.ocr import lines_of

    return tuple(box for box, _ in lines_of(np.asarray(_flat(image))))


def _strip(image: Image.Image) -> tuple[Image.Image, Box, tuple[int, int, int, int]]:
    flat = _flat(image)
    width, height = flat.size
    top = height - max(round(height * _HEIGHT), 6)
    top = max(top, 0)
    return flat, Box(x0=0.0, y0=top / height, x1=1.0, y1=1.0), (0, top, width - 1, height - 1)


def _flat(image: Image.Image) -> Image.Image:
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (255, 255, 255, 255)), clear).convert("RGB")
