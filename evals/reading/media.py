"""Where the pictures, films and documents lie that data names, and what becomes of samples whose media are missing."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from foveate.errors import CallerError
from foveate.evals.reading.files import inside
from foveate.evals.reading.options import one_of

__all__ = ["ENDINGS", "MISSING", "Kind", "Media"]

_log = logging.getLogger(__name__)

Kind = Literal["document", "film", "picture"]
ENDINGS: dict[Kind, tuple[str, ...]] = {
    "document": (".pdf", ".PDF"),
    "film": (".mp4", ".webm", ".mkv", ".avi", ".mov", ".MP4", ".MOV", ".m4v", ".mpg", ".3gp", ".wmv"),
    "picture": (".jpg", ".jpeg", ".png", ".JPEG", ".JPG", ".PNG", ".webp", ".gif"),
}
"""Endings tried, in order."""
MISSING = "raise (default): stop at a missing file; drop: leave out what needs it; keep: read on, for use without media"
"""What readers say of their option ``missing``."""


class Media:
    """Files of one kind below one folder, each looked up on disk once.

    A file is what its name says; failing that, the name with another ending of its kind: data names films by id, and
    endings change on the way to the disk.

    Args:
        folder: what names are relative to.
        missing: ``raise``, ``drop`` or ``keep``, see :data:`MISSING`.
        kind: which endings to try.

    Raises:
        CallerError: another value of ``missing``.
    """

    def __init__(self, folder: Path, missing: str = "raise", kind: Kind = "picture") -> None:
        self.folder = folder
        self.missing = one_of("missing", missing, ("raise", "drop", "keep"))
        self._endings = ENDINGS[kind]
        self._found: dict[str, str | None] = {}

    def path(self, name: str, where: str, others: Sequence[str] = ()) -> str | None:
        """Path of one file, or None when it is missing and may be left out.

        Args:
            name: as it stands in the data, with or without ending.
            where: place of the name in the data, for the error.
            others: further names it may have.

        Returns:
            The file found; with ``keep`` the path it should have.

        Raises:
            CallerError: a name leads out of the folder, or nothing is found and ``missing`` is ``raise``.
        """
        key = inside(self.folder, name, where)
        if key not in self._found:
            places = (inside(self.folder, place, where) for one in (name, *others) for place in self._names(one))
            self._found[key] = next((place for place in places if os.path.isfile(place)), None)
        path = self._found[key]
        if path is not None or self.missing == "drop":
            return path
        expected = key if key.endswith(self._endings) else key + self._endings[0]
        if self.missing == "keep":
            return expected
        raise CallerError(
            f"{where}: no file {expected!r}, nor with another ending ({', '.join(self._endings)}); "
            "missing='drop' leaves out what needs it, missing='keep' reads on without"
        )

    def paths(self, names: Sequence[str], where: str) -> tuple[str, ...] | None:
        """Paths of several files that are needed together, or None when one may be left out.

        Raises:
            CallerError: as :meth:`path`.
        """
        found = [self.path(name, where) for name in names]
        kept = tuple(path for path in found if path is not None)
        return kept if len(kept) == len(found) else None

    def tell(self, benchmark: str) -> None:
        """Log how many files were not found, if any were."""
        absent = sum(path is None for path in self._found.values())
        if absent:
            done = "left out" if self.missing == "drop" else "kept without media"
            _log.warning("%s: %d of %d media files are not on disk; %s", benchmark, absent, len(self._found), done)

    def _names(self, name: str) -> Iterator[str]:
        yield name
        stem = next((name.removesuffix(end) for end in self._endings if name.endswith(end)), "")
        yield from (base + end for base in (name, stem) if base for end in self._endings)
