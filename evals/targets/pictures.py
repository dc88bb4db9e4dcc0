"""Pictures of samples, opened as the agent opens a user's: in the decoder process, limits first."""

from pathlib import Path

from PIL.Image import Image

from foveate.errors import CallerError
from foveate.locators import Box
from foveate.media.render import crop

__all__ = ["picture"]

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
