"""Encoded pictures as pixels for a model in this process, behind every limit."""

import io

from PIL import Image

from foveate.errors import MediaError
from foveate.media.formats import HEAD_BYTES, sniff
from foveate.media.images import fitted, open_image, upright
from foveate.media.pieces import Limits
from foveate.rerankers.protocols import ImagePart

__all__ = ["decoded"]

MAX_BYTES = 32 << 20
MIN_SIDE_PX = 4
"""Below that, processors take a picture's sides for its colours (vLLM died of a 1 x 1 picture, CVE-2026-22773)."""
MAX_RATIO = 100
"""Longer side over shorter side."""
_LIMITS = Limits(file_bytes=MAX_BYTES)


def decoded(image: ImagePart, longest_px: int) -> Image.Image:
    """RGB pixels, upright, flattened on white, the longer side at most ``longest_px``.

    Raises:
        MediaError: too large, too small, damaged, or not what ``mime`` says.
    """
    if not image.data or len(image.data) > MAX_BYTES:
        raise MediaError(f"a picture of {len(image.data)} bytes; allowed are 1 to {MAX_BYTES}", code="media_bomb")
    form = sniff(image.data[:HEAD_BYTES], "")
    if f"image/{form}" != image.mime:
        raise MediaError(f"a picture called {image.mime!r} holds {form!r}", code="media_unsupported")
    with open_image(io.BytesIO(image.data), form, _LIMITS) as opened:
        short, long = sorted(opened.size)
        if short < MIN_SIDE_PX or long > MAX_RATIO * short:
            raise MediaError(
                f"a picture of {opened.size[0]} x {opened.size[1]} pixels; the shorter side must have {MIN_SIDE_PX} "
                f"or more, and a {MAX_RATIO}th of the longer"
            )
        return fitted(upright(opened), longest_px)
