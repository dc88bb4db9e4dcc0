"""Media that a benchmark's files name: kept inside the folder, looked up once, missing ones told or left out."""

import logging
import os
import re
from pathlib import Path

from foveate.errors import CallerError

__all__ = ["Media", "inside", "there"]

_log = logging.getLogger(__name__)
_DRIVE = re.compile(r"^[A-Za-z]:")


def inside(folder: Path, name: str, where: str) -> str:
    """The path of a file that published data names, which must lie in the folder.

    Names are judged as written, so a folder of pictures may be a link to where they really are.

    Args:
        folder: what the name is relative to.
        name: as it stands in the data, with ``/``.
        where: place of the name in the data, for the error.

    Returns:
        The path without ``.`` and ``..``.

    Raises:
        CallerError: the name is empty, absolute or leads out of the folder.
    """
    plain = os.path.normpath(name) if name else "."
    leaves = plain == "." or os.path.isabs(plain) or plain.split(os.sep)[0] == os.pardir
    if leaves or "\\" in name or "\0" in name or _DRIVE.match(name):
        raise CallerError(f"{where}: {name!r} is not a file inside {str(folder)!r}")
    return os.path.join(folder, plain)


def there(path: str, where: str) -> str:
    """The path, if it is a file on disk.

    Raises:
        CallerError: no such file; ``where`` says what needs it.
    """
    if not os.path.isfile(path):
        raise CallerError(f"{where}: no file {path!r}; missing='drop' leaves out what needs it")
    return path


class Media:
    """Pictures or films below one folder, each looked up on disk once.

    Args:
        folder: what names are relative to.
        missing: ``raise``, or ``drop`` to leave out what needs a file that is not there.

    Raises:
        CallerError: another value of ``missing``.
    """

    def __init__(self, folder: Path, missing: str = "raise") -> None:
        if missing not in ("raise", "drop"):
            raise CallerError(f"option missing={missing!r} is unknown; choices: drop, raise")
        self.folder = folder
        self.missing = missing
        self._found: dict[str, bool] = {}

    def path(self, name: str, where: str) -> str | None:
        """Path of one file, or None when it is missing and may be left out.

        Raises:
            CallerError: it leads out of the folder, or is missing and ``missing`` is ``raise``.
        """
        path = inside(self.folder, name, where)
        found = self._found.get(path)
        if found is None:
            found = self._found[path] = os.path.isfile(path)
        if not found and self.missing == "raise":
            there(path, where)
        return path if found else None

    def paths(self, names: tuple[str, ...], where: str) -> tuple[str, ...] | None:
        """Paths of several files that are needed together, or None when one may be left out.

        Raises:
            CallerError: as :meth:`path`.
        """
        found = [self.path(name, where) for name in names]
        kept = tuple(path for path in found if path is not None)
        return kept if len(kept) == len(found) else None

    @property
    def absent(self) -> int:
        """How many distinct files were asked for and are not on disk."""
        return sum(not found for found in self._found.values())

    def tell(self, name: str) -> None:
        """Log how many files of a benchmark were missing, if any were."""
        if self.absent:
            _log.warning("%s: %d of %d media files are not on disk; left out", name, self.absent, len(self._found))
