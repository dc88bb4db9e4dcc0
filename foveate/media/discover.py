"""Which files there are: regular files under the given paths, in one fixed order, with their sidecars.

Hidden files and what operating systems leave behind are passed over in silence; everything else that is not
read is reported. A symbolic link to a file is followed when its target lies inside the given paths; one to a
folder never is (its target, if inside, is walked at its own place), hence no loop can form.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import CallerError
from foveate.media.pieces import Skipped, Source

__all__ = ["FILM_SUFFIXES", "PICTURE_SUFFIXES", "absolute", "discover"]

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
FILM_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".ogv", ".3gp"}
)
"""Names that may own sidecars. What a file is, its content decides."""
_JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r", "$recycle.bin"})


def discover(paths: Sequence[Path]) -> Iterator[Source | Skipped]:
    """Walk files and folders, sorted by the bytes of their names; each file comes once.

    Beside a picture or film ``NAME.EXT``, ``NAME.EXT.txt`` or ``NAME.txt`` is its caption, and beside a film
    ``NAME.EXT.srt``, ``NAME.srt`` or the same with ``.vtt`` its subtitles: they come with it, not alone.

    Raises:
        CallerError: a path that does not exist; raised by the call itself, before anything is read.
    """
    roots = sorted({absolute(path) for path in paths}, key=os.fsencode)
    folders: list[Path] = []
    files: list[Path] = []
    for root in roots:
        (folders if _root_mode(root) == stat.S_IFDIR else files).append(root)
    return _walk(_Walk(folders, files))


def absolute(path: Path) -> Path:
    """Absolute form. Links are kept unless the path has ``..``, which only the file system can answer."""
    try:
        return path.resolve() if ".." in path.parts else path.absolute()
    except (OSError, RuntimeError, ValueError) as error:
        raise CallerError(f"path {str(path)!r} cannot be used: {error}") from None


def _root_mode(root: Path) -> int:
    try:
        return stat.S_IFMT(os.stat(root).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        if root.is_symlink():
            return 0
        raise CallerError(f"path {str(root)!r} does not exist") from None
    except ValueError:
        raise CallerError(f"path {str(root)!r} is not a file name") from None
    except OSError:
        return 0  # it is there and cannot be looked at: reported with the others


@dataclass(frozen=True, slots=True)
class _Walk:
    folders: list[Path]
    files: list[Path]

    def covers(self, path: Path) -> bool:
        """Whether the walk of the folders comes to a path by itself."""
        return any(
            path != folder and path.is_relative_to(folder) and not any(map(_is_junk, path.relative_to(folder).parts))
            for folder in self.folders
        )

    def holds(self, path: Path) -> bool:
        """Whether a link's target lies inside what was given."""
        real = Path(os.path.realpath(path))
        inside = any(real.is_relative_to(os.path.realpath(folder)) for folder in self.folders)
        return inside or any(real == Path(os.path.realpath(file)) for file in self.files)


def _walk(walk: _Walk) -> Iterator[Source | Skipped]:
    files = [path for path in walk.files if not walk.covers(path)]
    claimed = {(path.parent, owner) for path in files for owner in _owners(path.name)}
    starts = [*files, *(folder for folder in walk.folders if not walk.covers(folder))]
    folders = set(walk.folders)
    for start in sorted(starts, key=os.fsencode):
        if start in folders:
            yield from _folder(start, walk)
        elif (start.parent, _key(start.name)) not in claimed:
            yield _file(start, walk, _beside(start), named=True)


def _folder(root: Path, walk: _Walk) -> Iterator[Source | Skipped]:
    # A stack, not recursion: folders nest deeper than Python's call stack allows.
    stack = [_listing(root)]
    while stack:
        entries, sidecars = stack[-1]
        found = next(entries, None)
        if found is None:
            stack.pop()
        elif isinstance(found, Skipped):
            yield found
        elif _is(stat.S_ISDIR, found):
            stack.append(_listing(found))
        else:
            yield _file(found, walk, sidecars, named=False)


def _listing(folder: Path) -> tuple[Iterator[Path | Skipped], dict[str, str]]:
    """What lies in a folder, without junk and sidecars, and the names that can be sidecars."""
    try:
        names = sorted(os.listdir(folder), key=os.fsencode)
    except OSError as error:
        reason = f"the folder cannot be opened: {_why(error)}"
        return iter([Skipped(path=folder, reason=reason, code="media_unreadable")]), {}
    owners = {owner for name in names for owner in _owners(name)}
    kept = (name for name in names if not _is_junk(name) and _key(name) not in owners)
    return (folder / name for name in kept), _index(reversed(names))


def _beside(path: Path) -> dict[str, str]:
    """Possible sidecars of one file; listing its folder for every file named would be quadratic."""
    stems = (path.name, path.stem)
    names = [f"{stem}{end}" for stem in stems for end in (".TXT", ".txt", ".SRT", ".srt", ".VTT", ".vtt")]
    return _index(name for name in names if _is(stat.S_ISREG, path.parent / name))


def _index(names: Iterable[str]) -> dict[str, str]:
    """Names by lower-case suffix and stem: ``.txt/cat`` -> ``cat.TXT``."""
    pairs = ((os.path.splitext(name), name) for name in names)
    return {f"{end.lower()}/{stem}": name for (stem, end), name in pairs if end.lower() in (".txt", ".srt", ".vtt")}


def _owners(name: str) -> Iterator[str]:
    """The sidecar stems that a picture or film claims, with the kind of sidecar before them."""
    stem, end = os.path.splitext(name)
    if _is_junk(name):
        return
    kinds = (".txt", ".srt", ".vtt") if end.lower() in FILM_SUFFIXES else (".txt",)
    if end.lower() in FILM_SUFFIXES or end.lower() in PICTURE_SUFFIXES:
        yield from (f"{kind}/{owner}" for kind in kinds for owner in (name, stem))


def _key(name: str) -> str:
    stem, end = os.path.splitext(name)
    return f"{end.lower()}/{stem}"


def _file(path: Path, walk: _Walk, names: dict[str, str], *, named: bool) -> Source | Skipped:
    try:
        linked = _is(stat.S_ISLNK, path)
        if linked and not named and not walk.holds(path):
            return Skipped(path=path, reason="a symbolic link that leads outside", code="media_unreadable")
        facts = os.stat(path)
    except OSError as error:
        return Skipped(path=path, reason=f"cannot be opened: {_why(error)}", code="media_unreadable")
    if stat.S_ISDIR(facts.st_mode):
        return Skipped(path=path, reason="a symbolic link to a folder is not followed", code="media_unreadable")
    if not stat.S_ISREG(facts.st_mode):
        return Skipped(path=path, reason=f"not a regular file but {_sort(facts.st_mode)}", code="media_unsupported")
    return Source(
        path=path,
        size_bytes=facts.st_size,
        mtime_ns=facts.st_mtime_ns,
        caption=_sidecar(path, names, PICTURE_SUFFIXES | FILM_SUFFIXES, (".txt",)),
        subtitles=_sidecar(path, names, FILM_SUFFIXES, (".srt", ".vtt")),
        linked=linked,
    )


def _sidecar(path: Path, names: dict[str, str], suffixes: frozenset[str], kinds: tuple[str, ...]) -> Path | None:
    if path.suffix.lower() not in suffixes:
        return None
    for kind in kinds:
        for stem in (path.name, path.stem):
            name = names.get(f"{kind}/{stem}")
            if name is not None and _is(stat.S_ISREG, path.parent / name):
                return path.parent / name
    return None


def _is(test: Callable[[int], bool], path: Path) -> bool:
    """Whether the thing itself, not what a link leads to, is of a sort."""
    try:
        return test(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_junk(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _JUNK


def _sort(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _why(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()
