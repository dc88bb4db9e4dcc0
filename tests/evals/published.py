"""Small files in published formats, for the tests of readers."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image


def picture(path: Path, size: tuple[int, int] = (6, 4)) -> Path:
    """A picture of one colour, different from name to name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (len(path.name) * 37 % 256, sum(path.name.encode()) % 256, 90)
    Image.new("RGB", size, colour).save(path)
    return path


def draw(folder: Path, *names: str, size: tuple[int, int] = (6, 4)) -> None:
    """Several pictures below a folder."""
    for name in names:
        picture(folder / name, size)


def picture_bytes(form: str = "PNG", colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (6, 4), colour).save(stream, form)
    return stream.getvalue()


def film(path: Path) -> Path:
    """A stand-in: readers look at paths, not into films."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def write_json(path: Path, body: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def write_jsonl(path: Path, rows: Iterable[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",", names: Sequence[str] = ()) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(names) or list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path
