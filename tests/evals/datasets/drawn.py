"""Small files in published formats, written by tests."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image


def draw(folder: Path, *names: str, size: tuple[int, int] = (4, 4)) -> None:
    """Pictures of one colour each, different from name to name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (len(name) * 37 % 256, sum(name.encode()) % 256, 90)
        Image.new("RGB", size, colour).save(path)


def dump(path: Path, body: Any) -> None:
    """One JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), encoding="utf-8")


def lines(path: Path, rows: Iterable[Any]) -> None:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
