"""Pictures of samples, opened as the agent opens a user's: in the decoder process, limits first."""

from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL.Image import Image

from foveate.errors import CallerError
from foveate.locators import Box
from foveate.media.render import crop
from foveate.rerankers.protocols import ImagePart

__all__ = ["part", "picture"]

_PX = 512
_WHOLE = Box(x0=0, y0=0, x1=1, y1=1)


def picture(path: str) -> Image:
    """At most 512 px a side, upright, on white.

    Raises:
        CallerError: no such file.
        MediaError: it cannot be read.
    """
    if not Path(path).is_file():
        raise CallerError(f"no picture {path!r}")
    return crop(Path(path), _WHOLE, _PX)


def part(path: str, form: Literal["jpeg", "png"] = "jpeg") -> ImagePart:
    """The picture for a model that sees; ``png`` keeps the very pixels.

    Raises:
        CallerError, MediaError: as :func:`picture`.
    """
    buffer = BytesIO()
    if form == "png":
        picture(path).save(buffer, format="PNG")
        return ImagePart(data=buffer.getvalue(), mime="image/png")
    picture(path).save(buffer, format="JPEG", quality=90)
    return ImagePart(data=buffer.getvalue(), mime="image/jpeg")
