"""Opening what was found, and nothing else: no device, no link put there since, no file that changed."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from foveate.errors import MediaError
from foveate.media.pieces import Source

__all__ = ["open_source", "read_sidecar"]

_SIDECAR_BYTES = 8 << 20
# O_NONBLOCK: a pipe put in the file's place would block open() for ever. Absent on Windows, like O_NOFOLLOW.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """Open the very file that :func:`foveate.media.discover.discover` found.

    Size and modification time must be those found then; so a file swapped for a link to a secret is refused.

    Raises:
        MediaError: ``media_unreadable`` when it cannot be opened or changed since.
    """
    with _open(source.path, follow=source.linked) as stream:
        _check_same(stream, source)
        yield stream
        _check_same(stream, source)  # written to while it was read: the pieces may be of neither version


def read_sidecar(path: Path) -> bytes:
    """The bytes of a caption or subtitle file.

    Raises:
        MediaError: ``media_unreadable``, or ``media_bomb`` above 8 MiB.
    """
    with _open(path, follow=False) as stream:
        data = stream.read(_SIDECAR_BYTES + 1)
    if len(data) > _SIDECAR_BYTES:
        raise MediaError(f"the sidecar {path.name!r} is larger than {_SIDECAR_BYTES >> 20} MiB", code="media_bomb")
    return data


def _check_same(stream: BinaryIO, source: Source) -> None:
    facts = os.fstat(stream.fileno())
    if (facts.st_size, facts.st_mtime_ns) != (source.size_bytes, source.mtime_ns):
        raise MediaError("the file changed since it was found", code="media_unreadable")


@contextmanager
def _open(path: Path, *, follow: bool) -> Iterator[BinaryIO]:
    try:
        handle = os.open(path, _FLAGS | (0 if follow else _NOFOLLOW))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise MediaError("a symbolic link took the file's place", code="media_unreadable") from None
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(f"cannot be opened: {reason}", code="media_unreadable") from None
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise MediaError("not a regular file any more", code="media_unreadable")
        yield stream
