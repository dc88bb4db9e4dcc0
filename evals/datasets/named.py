"""Films and pictures that data names by id, without ending, or with one that changed on the way to the disk."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from foveate.errors import CallerError
from foveate.evals.datasets.choices import one_of
from foveate.evals.datasets.media import inside

__all__ = ["FILMS", "MISSING", "PICTURES", "Named"]

_log = logging.getLogger(__name__)

FILMS = (".mp4", ".webm", ".mkv", ".avi", ".mov", ".MP4", ".MOV", ".m4v", ".mpg", ".3gp", ".wmv")
"""Endings tried for films, in order."""
PICTURES = (".jpg", ".jpeg", ".png", ".JPEG", ".JPG", ".PNG", ".webp", ".gif")
"""Endings tried for pictures, in order."""
MISSING = "raise: stop at a missing file; drop: leave out what needs it; keep: read on, for use without media"
"""What readers say of their option ``missing``."""


class Named:
    """Media below one folder, each looked up once.

    Args:
        folder: what names are relative to.
        kind: which endings to try.
        missing: ``raise``, ``drop`` or ``keep``, see :data:`MISSING`.

    Raises:
        CallerError: another value of ``missing``.
    """

    def __init__(self, folder: Path, kind: Literal["film", "picture"], missing: str = "raise") -> None:
        self.folder = folder
        self.missing = one_of("missing", missing, ("raise", "drop", "keep"))
        self._endings = FILMS if kind == "film" else PICTURES
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
        if name not in self._found:
            places = [inside(self.folder, place, where) for one in (name, *others) for place in self._names(one)]
            self._found[name] = next((place for place in places if os.path.isfile(place)), None)
        path = self._found[name]
        if path is not None or self.missing == "drop":
            return path
        expected = inside(self.folder, name if name.endswith(self._endings) else name + self._endings[0], where)
        if self.missing == "keep":
            return expected
        raise CallerError(
            f"{where}: no file {expected!r}, nor with another ending ({', '.join(self._endings)}); "
            "missing='drop' leaves out what needs it, missing='keep' reads on without"
        )

    def tell(self, benchmark: str) -> None:
        """Log how many files were not found, if any were."""
        absent = sum(path is None for path in self._found.values())
        if absent:
            done = "left out" if self.missing == "drop" else "kept without media"
            _log.warning("%s: %d of %d media files are not on disk; %s", benchmark, absent, len(self._found), done)

    def _names(self, name: str) -> list[str]:
        stem = next((name.removesuffix(end) for end in self._endings if name.endswith(end)), None)
        return [name, *(base + end for base in (name, stem) if base for end in self._endings)]
