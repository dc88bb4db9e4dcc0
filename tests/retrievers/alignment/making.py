"""Questions about coloured pictures, which the ``hashed`` encoder sees: its words and pictures share colour names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.retrievers.alignment.features import OPTION, SEEN, Alignment

COLOURS = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (220, 30, 30),
    "green": (40, 160, 60), "blue": (40, 70, 210), "yellow": (240, 220, 40), "orange": (245, 140, 20),
    "brown": (120, 75, 40), "purple": (130, 50, 160), "pink": (245, 160, 190),
}  # fmt: skip
QUESTION = "Which colour does this picture show?"


def made(count: int, rng: np.random.Generator, dim: int = 8) -> Alignment:
    """An alignment of ``count`` options with random vectors."""
    rows = rng.normal(size=(7 + count, dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scalars = rng.normal(size=(count, len(OPTION))).astype(np.float32)
    return Alignment(
        encoder="made",
        options=tuple(f"option {number}" for number in range(count)),
        picture=rows[:6],
        question=rows[6],
        texts=rows[7:],
        scalars=scalars,
        seen=rng.normal(size=len(SEEN)).astype(np.float32),
    )


def tensors(rng: np.random.Generator, dim: int = 8, k: int = 3, h: int = 5) -> dict[str, NDArray[np.float32]]:
    """Of a head with random numbers."""
    s, g = len(OPTION), len(SEEN)
    shapes: dict[str, tuple[int, ...]] = {
        "project": (dim, k), "option_mean": (s,), "option_sd": (s,), "seen_mean": (g,), "seen_sd": (g,),
        "layer": (s + k, h), "layer_bias": (h,), "out": (2 * (h + s) + g + k, 3), "out_bias": (3,),
    }  # fmt: skip
    found = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return {name: np.abs(value) + 0.5 if name.endswith("_sd") else value for name, value in found.items()}


def write_items(folder: Path) -> Path:
    """Rows of every colour in four forms, and one test row that nobody may read."""
    folder.mkdir(exist_ok=True)
    names = list(COLOURS)
    rows: list[dict[str, Any]] = []
    for at, (name, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (32, 32), colour).save(folder / f"{name}.png")
        others = [names[(at + step) % len(names)] for step in (1, 3, 5)]
        row = {"question": QUESTION, "picture": f"{name}.png", "group": name, "split": "train"}
        right = {"options": [*others[:2], name, others[2]], "choice": 2, "answerable": True, "reason": "none"}
        none = {"choice": None, "answerable": False}
        strange = ["seven", "eight", "nine", "ten"]
        rows += [
            {**row, **right, "form": "standard"},
            {**row, **none, "options": others, "reason": "absent_object", "form": "aad"},
            {**row, **none, "options": strange, "reason": "incompatible_question", "form": "iasd"},
        ]
    rows += [{**rows[0], "split": "test", "picture": "missing.png", "options": 7}]
    rows += [{**rows[0], "picture": None}, {**rows[0], "options": ["Yes", "No"], "choice": 0}]
    rows = [{**row, "id": f"row {number}"} for number, row in enumerate(rows)]
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
