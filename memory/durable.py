"""Writing a file so that a crash leaves the old or the new one whole."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foveate.errors import ServiceError

__all__ = ["sync_directory", "write_durably"]


def write_durably(path: Path, write: Callable[[Any], object]) -> None:
    """Write beside the file, sync, rename over it, sync the directory.

    A crash at any point leaves the old or the new file whole; without the last sync the rename itself may be
    lost.

    Raises:
        ServiceError: the disk is full or cannot be written; the old file is untouched.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise ServiceError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def sync_directory(directory: Path) -> None:
    """Make renames in a directory survive power loss."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
