"""Evidence pictures as small JPEGs inside the report, opened behind the guards of foveate.media."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from foveate.errors import FoveateError
from foveate.evals.report.rows import SampleRow
from foveate.media.images import WHOLE
from foveate.media.render import crop

__all__ = ["Picture", "Resolve", "Thumbnails", "pictures_of"]

Resolve = Callable[[str], str | None]
"""Document id -> path of its picture; None when it has none."""
THUMB_PX = 240
BUDGET_BYTES = 6_000_000
_TOP = 3
_RIGHT = 3
_OPTIONS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One picture beside a sample."""

    path: str
    title: str
    """Id of the document, or name of the file."""
    role: str
    """``asked about``, ``right`` or ``found at 1`` ..."""


def pictures_of(row: SampleRow, resolve: Resolve | None = None) -> tuple[Picture, ...]:
    """Pictures that explain a sample: its own, those of the right documents, those of the top-ranked ones.

    A document that is right and found stands once, with both roles.

    Args:
        row: the sample. Its line may name the documents' pictures.
        resolve: asked for documents whose picture the line does not name.
    """
    found = [Picture(path=path, title=Path(path).name, role="asked about") for path in row.images]
    said = row.said.choice if row.said else None
    for number, path in enumerate(row.image_options[:_OPTIONS]):
        marks = [f"option {number + 1}", *(["right"] if number == row.choice else [])]
        marks += ["chosen"] if number == said else []
        found.append(Picture(path=path, title=Path(path).name, role=", ".join(marks)))
    roles: dict[str, list[str]] = {}
    for name in sorted((name for name, gain in row.relevant.items() if gain > 0), key=lambda n: (-row.relevant[n], n)):
        if len(roles) < _RIGHT:
            roles[name] = ["right"]
    ranking = (row.said.ranking if row.said else None) or ()
    for place, (name, _) in enumerate(ranking[:_TOP], 1):
        right = ["right"] if row.relevant.get(name, 0.0) > 0 and name not in roles else []
        roles.setdefault(name, right).append(f"found at {place}")
    for name, words in roles.items():
        known = row.pictures.get(name) or (resolve(name) if resolve else None)
        if known:
            found.append(Picture(path=known, title=name, role=", ".join(words)))
    return tuple(found)


@dataclass(kw_only=True, slots=True)
class Thumbnails:
    """Data URIs of pictures, each opened once, until the report's budget is spent."""

    root: Path
    """The run's folder: relative paths start there, or else where the process works."""
    left_bytes: int = BUDGET_BYTES
    """What may still be embedded, in characters of data URI."""
    _known: dict[str, str | None] = field(default_factory=dict)

    def uri(self, path: str) -> str | None:
        """A data URI; None for a missing or broken file and where the budget is spent."""
        if path not in self._known:
            made = _thumbnail(self.root, path) if self.left_bytes > 0 else None
            if made is not None and len(made) > self.left_bytes:
                self.left_bytes, made = 0, None
            self._known[path] = made
        found = self._known[path]
        # A picture that is shown twice stands twice in the file.
        if found is None or len(found) > self.left_bytes:
            return None
        self.left_bytes -= len(found)
        return found


def _thumbnail(root: Path, path: str) -> str | None:
    try:
        beside = root / path
        image = crop(beside if beside.exists() else Path(path), WHOLE, THUMB_PX).convert("RGB")
    except (FoveateError, OSError, ValueError):
        return None  # missing, damaged or dangerous: a placeholder stands for it
    buffer = BytesIO()
    image.save(buffer, format="JPEG", quality=78, optimize=False, progressive=False)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
