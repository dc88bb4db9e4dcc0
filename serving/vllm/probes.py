"""Prompts to compare a server by: yes/no questions as rerankers put them, over what texts hold in practice."""

import io

from foveate.rerankers.layouts import layout
from foveate.rerankers.protocols import ImagePart, Message

__all__ = ["COUNT", "probes"]

_QUESTIONS = (
    "a red kite over the sea",
    "When does the museum open on Sundays?",
    "¿Dónde está la biblioteca municipal?",
    "cup with a chip in its rim, seen from the left",
)
_CANDIDATES = (
    "A kite with a long tail flies above the waves.",
    "The museum is open from ten to five, on Sundays from noon.",
    "Opening hours: Mon-Sat 10:00-17:00; Sun 12:00-17:00.",
    "La biblioteca municipal está en la calle Mayor, número 14.",
    "A blue porcelain cup; its rim is chipped on the left side.",
    "x",
    "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)",
    "東京の天気は晴れ、最高気温は二十八度です。 🪁🌊",
    # Longer than a block of the prefix cache (128 tokens on a CPU).
    "The harbour rules of 1931 were read aloud to every crew before it was given a berth. " * 8,
)
COUNT = len(_QUESTIONS) * len(_CANDIDATES)
"""More than the largest batch."""
_SIDE = 48


def probes(*, sees: bool = False) -> list[tuple[Message, ...]]:
    """The prompts, those of one question together; with ``sees`` every second one carries a picture."""
    chosen = layout("rerank")
    made: list[tuple[Message, ...]] = []
    for question in _QUESTIONS:
        for number, candidate in enumerate(_CANDIDATES):
            images = (_picture(len(made)),) if sees and number % 2 else ()
            made.append(chosen.messages({"question": question, "candidate": candidate}, images))
    return made


def _picture(seed: int) -> ImagePart:
    from PIL import Image

    pixels = bytes((at * 7 + seed * 31 + at // _SIDE) % 256 for at in range(_SIDE * _SIDE * 3))
    out = io.BytesIO()
    Image.frombytes("RGB", (_SIDE, _SIDE), pixels).save(out, "PNG")
    return ImagePart(data=out.getvalue(), mime="image/png")
