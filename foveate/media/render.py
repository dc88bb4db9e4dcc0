"""Evidence for people: the picture of what a citation points at."""

import atexit
import os
import threading
from pathlib import Path

from PIL import Image

from foveate.errors import CallerError
from foveate.locators import Locator
from foveate.media.discover import absolute
from foveate.media.pieces import Limits, ReadOptions, Source
from foveate.media.pool import DecoderPool

__all__ = ["crop"]

_LOCK = threading.Lock()
_POOLS: dict[Limits, DecoderPool] = {}


def crop(path: Path, locator: Locator, max_px: int, *, limits: Limits | None = None) -> Image.Image:
    """What lies at a place in a file, as a picture without metadata.

    A picture's box is cut out; a page is drawn whole with the box marked; of a time span the frame on the screen
    at its start is taken. Decoding happens in a decoder process that is kept for the next call.

    Args:
        path: the file.
        locator: a place in it.
        max_px: longest side in pixels; nothing is scaled up.
        limits: as for reading; the defaults if None.

    Raises:
        CallerError: no such file, or a place that has no picture in it.
        MediaError: the file cannot be read.
    """
    path = absolute(path)
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        raise CallerError(f"path {str(path)!r} does not exist or cannot be opened") from None
    source = Source(path=path, size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns, linked=True)
    return Image.fromarray(_pool(limits or Limits()).render(source, locator, max_px))


def _pool(limits: Limits) -> DecoderPool:
    with _LOCK:
        if limits not in _POOLS:
            _POOLS[limits] = DecoderPool(limits, ReadOptions(), workers=1)
        return _POOLS[limits]


@atexit.register
def _close() -> None:
    for pool in _POOLS.values():
        pool.close()
