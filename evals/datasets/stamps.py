"""The stamps of Tux Paint: captioned photos and drawings, a text-to-picture test set.

Debian's ``tuxpaint-stamps-default`` (GPL-2) holds pictures with a ``.txt`` beside each: line 1 is the English
caption, then ``LANG.utf8=`` lines hold it in other languages. The set is every PNG whose ``.txt`` has an
English caption: 785 of the 796 PNGs in version 2022.06.04. SVG stamps are left out, and nothing is merged:
two stamps may share a caption (674 are distinct).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foveate.errors import CallerError, MediaError
from foveate.retrievers.training.packages import debian

__all__ = ["PACKAGE", "Stamp", "fetch_stamps", "read_stamps"]

PACKAGE = "tuxpaint-stamps-default"
"""Debian package of the stamps."""

_INSIDE = Path("usr/share/tuxpaint/stamps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One captioned picture."""

    key: str
    """Path below the stamps' folder, with ``/``; unique."""
    path: Path
    """The PNG."""
    caption: str
    """English caption, one line."""
    captions: Mapping[str, str] = field(default_factory=dict)
    """Language as the files name it (``de``, ``pt_BR``, ``sr@latin``) -> caption; ``en`` is the English one."""


def read_stamps(folder: Path) -> tuple[Stamp, ...]:
    """Read the stamps below ``folder``, sorted by key.

    Raises:
        CallerError: if ``folder`` is missing or holds no captioned PNG.
        MediaError: if a caption is not UTF-8; the message names the file.
    """
    if not folder.is_dir():
        raise CallerError(f"no folder of stamps at {str(folder)!r}")
    stamps = []
    for path in sorted(folder.rglob("*.png")):
        captions = _captions(path.with_suffix(".txt"))
        if "en" in captions:
            key = path.relative_to(folder).as_posix()
            stamps.append(Stamp(key=key, path=path, caption=captions["en"], captions=captions))
    if not stamps:
        raise CallerError(f"{str(folder)!r} holds no PNG with an English caption in a .txt beside it")
    return tuple(sorted(stamps, key=lambda stamp: stamp.key))


def fetch_stamps(cache: Path) -> Path:
    """Get the stamps' folder, downloading and unpacking the Debian package below ``cache`` once.

    Neither root nor installation is needed. The package's index must be current (``apt-get update``).

    Raises:
        ServiceError: if the download or the unpacking fails.
    """
    return debian(PACKAGE, cache) / _INSIDE


def _captions(path: Path) -> dict[str, str]:
    """Captions by language; no ``en`` if the file is absent or starts with a translation."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise MediaError(f"caption {str(path)!r} is not UTF-8: {error}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        language, marked, caption = line.partition(".utf8=")
        if not marked and number == 0:
            language, caption = "en", line
        elif not marked:
            continue
        if caption.strip():
            found.setdefault(language.strip(), caption.strip())
    return found
