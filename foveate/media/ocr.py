"""Text read off a picture, with its box, by RapidOCR (PP-OCR detection and recognition on ONNX Runtime)."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from foveate.errors import ExtraMissing
from foveate.locators import Box
from foveate.media.decoding import clean
from foveate.media.pieces import Pixels

__all__ = ["lines_of"]

_CONFIDENCE = 0.6
"""Lines under this mean character probability are left out: below it, wrong lines outnumber right ones."""
_LINE_GAP = 0.7
"""Lines nearer than this, in heights of a line, and above one another make one paragraph."""


def lines_of(pixels: Pixels) -> Iterator[tuple[Box, str]]:
    """Paragraphs of a picture's text, top to bottom.

    Raises:
        ExtraMissing: RapidOCR is not installed.
    """
    height, width = pixels.shape[:2]
    found = _engine()(pixels[..., ::-1])  # it takes BGR
    if found.boxes is None or found.txts is None or found.scores is None:
        return
    lines = [
        (
            float(corners[:, 0].min()),
            float(corners[:, 1].min()),
            float(corners[:, 0].max()),
            float(corners[:, 1].max()),
            clean(text)[0].strip(),
        )
        for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        if float(score) >= _CONFIDENCE
    ]
    for x0, y0, x1, y1, text in _paragraphs([line for line in lines if line[4]]):
        left, top = min(max(x0 / width, 0.0), 0.999), min(max(y0 / height, 0.0), 0.999)
        yield (
            Box(x0=left, y0=top, x1=max(min(x1 / width, 1.0), left + 1e-3), y1=max(min(y1 / height, 1.0), top + 1e-3)),
            text,
        )


Line = tuple[float, float, float, float, str]


def _paragraphs(lines: list[Line]) -> Iterator[Line]:
    held: Line | None = None
    for line in sorted(lines, key=lambda one: (one[1], one[0])):
        if held is not None and _continues(held, line):
            x0, y0, x1, y1, text = held
            held = (min(x0, line[0]), y0, max(x1, line[2]), max(y1, line[3]), f"{text} {line[4]}")
            continue
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield held


def _continues(held: Line, line: Line) -> bool:
    height = line[3] - line[1]
    return line[1] - held[3] < _LINE_GAP * height and line[0] < held[2] and line[2] > held[0]


@cache
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        raise ExtraMissing("rapidocr", "ocr") from None
    # One thread: a pool of decoders shares the machine, and each has an address space limit.
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
