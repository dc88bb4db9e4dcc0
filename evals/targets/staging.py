"""A dataset's documents as files, so that they go the way a user's files go: through ``Agent.index``.

A bare picture must not bring the caption that happens to lie beside it in the benchmark's folder, and a text needs a
file at all. So pictures are linked (or copied) into a folder of their own, texts written there; what both has gets its
text as caption. Documents that are files as they lie, and films, are indexed where they are.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.samples import Dataset, Document, Span
from foveate.locators import Locator, TimeSpan

__all__ = ["Staged", "stage"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """Where each document lies, and what a found place stands for."""

    roots: tuple[Path, ...]
    """What to index."""
    by_path: dict[str, list[Document]] = field(default_factory=dict, repr=False)
    """Absolute path -> the documents in it: several where they are moments of one film."""

    def documents(self, paths: Iterable[str], locator: Locator) -> list[Document]:
        """The documents that a place in any of these files belongs to."""
        return [
            document
            for path in paths
            for document in self.by_path.get(path, ())
            if document.span is None or (isinstance(locator, TimeSpan) and _meet(document.span, locator))
        ]


def _meet(span: Span, place: TimeSpan) -> bool:
    return min(span[1], place.end_s) > max(span[0], place.start_s)


def stage(dataset: Dataset, folder: Path) -> Staged:
    """Lay the documents out below ``folder``; what lies there already is used again.

    Raises:
        CallerError: a document without text, picture, film or file, or whose file is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_path: dict[str, list[Document]] = {}
    roots: list[Path] = []
    width = len(str(len(dataset.documents)))
    for number, document in enumerate(dataset.documents):
        where = _lay(document, folder / f"{number:0{width}d}")
        if where.parent != folder:
            roots.append(where)
        by_path.setdefault(str(where), []).append(document)
    for film in dict.fromkeys(film for sample in dataset.samples for film in sample.films):
        path = Path(film).absolute()
        if not path.is_file():
            raise CallerError(f"dataset {dataset.name!r}: no film {film!r}")
        by_path.setdefault(str(path), [])
        roots.append(path)
    return Staged(roots=_roots(folder, roots), by_path=by_path)


def _roots(folder: Path, apart: Sequence[Path]) -> tuple[Path, ...]:
    staged = (folder,) if any(folder.iterdir()) else ()
    return (*staged, *dict.fromkeys(apart))


def _lay(document: Document, stem: Path) -> Path:
    """The file that stands for a document."""
    if source := document.file or document.film:
        path = Path(source).absolute()
        if not path.is_file():
            raise CallerError(f"document {document.id!r}: no file {source!r}")
        return path
    if document.image:
        picture = _link(Path(document.image), stem, document.id)
        if document.text:
            _write(stem.with_suffix(".txt"), document.text)
        return picture
    if document.text and document.text.strip():
        title = f"{document.title}\n\n" if document.title else ""
        return _write(stem.with_suffix(".txt"), f"{title}{document.text}")
    raise CallerError(f"document {document.id!r} has neither text nor picture, film or file")


def _link(source: Path, stem: Path, name: str) -> Path:
    if not source.is_file():
        raise CallerError(f"document {name!r}: no picture {str(source)!r}")
    target = stem.with_suffix(source.suffix.lower() or ".img")
    if not target.exists():
        try:
            os.link(source.resolve(), target)
        except OSError:  # another disk, or one that cannot link
            shutil.copyfile(source, target)
    return target


def _write(path: Path, text: str) -> Path:
    raw = text.encode("utf-8", "replace")
    # The same bytes keep their time of change, so that a second run indexes nothing anew.
    if not (path.is_file() and path.read_bytes() == raw):
        path.write_bytes(raw)
    return path
