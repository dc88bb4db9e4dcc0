"""What a probe hands back: facts, tables and pictures about one model, as JSON or as one HTML file."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from foveate.errors import CallerError

__all__ = ["Cell", "Picture", "ProbeReport", "Table", "drawn", "pictured"]

Cell = str | int | float | bool | None
_MIME = {"png": "image/png", "svg": "image/svg+xml"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows under named columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    """Each as long as ``columns``; None or NaN where a figure does not exist."""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise CallerError(f"table {self.title!r}, row {number}: {len(row)} cells for {len(self.columns)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture that goes into the report itself."""

    title: str
    kind: Literal["png", "svg"]
    data: bytes = field(repr=False)

    @property
    def uri(self) -> str:
        """The picture as a ``data:`` address. Browsers run no script of an SVG that is shown as an image."""
        return f"data:{_MIME[self.kind]};base64,{base64.b64encode(self.data).decode('ascii')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeReport:
    """What one probe found out about one model."""

    name: str
    """As in :data:`foveate.evals.probes.table.PROBES`."""
    title: str
    source: str
    """The paper whose question it asks."""
    facts: Mapping[str, Any]
    """Name -> figure; what is compared between models. None or NaN where a figure does not exist."""
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know to read the figures rightly."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form, without pictures: they are in the HTML. NaN becomes None."""
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "facts": _plain(self.facts),
            "tables": [
                {"title": table.title, "columns": list(table.columns), "rows": _plain(table.rows)}
                for table in self.tables
            ],
            "pictures": [picture.title for picture in self.pictures],
            "notes": list(self.notes),
        }

    def to_html(self) -> str:
        """One page that needs no other file, no script and no network; everything in it is escaped."""
        from foveate.evals.probes.page import render

        return render(self)

    def write(self, path: Path) -> None:
        """Write the page, or the JSON form where the name ends in ``.json``.

        Raises:
            CallerError: the name ends in neither ``.html`` nor ``.json``.
        """
        suffix = path.suffix.lower()
        if suffix not in (".html", ".json"):
            raise CallerError(f"a report is written to NAME.html or NAME.json, not to {str(path)!r}")
        text = self.to_html() if suffix == ".html" else json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def pictured(title: str, image: Image.Image) -> Picture:
    """A PNG of a picture of any mode."""
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return Picture(title=title, kind="png", data=buffer.getvalue())


def drawn(title: str, figure: Any) -> Picture:
    """An SVG of a matplotlib figure; equal figures give equal bytes."""
    from matplotlib import rc_context

    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "foveate"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(title=title, kind="svg", data=buffer.getvalue())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
