"""Texts and pictures with how well a system did on them: the rows that correlates are sought in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL.Image import Image

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.retrievers.protocols import Encoder

__all__ = ["Rated", "rated_by_rank", "rated_run"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """One sample with its success."""

    text: str
    picture: Path | None
    """None where the sample has none."""
    score: float | None
    """Higher is better; None where it was not scored."""


def rated_run(lines: Path, metric: str, *, root: Path | None = None) -> tuple[Rated, ...]:
    """The samples of a run's ``TASK.jsonl`` with the first column of one metric.

    The picture is the sample's own first, else its best relevant document or its group where that names a file.

    Args:
        lines: the file, see ``docs/eval-format.md``.
        metric: such as ``ndcg@10``.
        root: folder that relative paths start from; the working folder if None.

    Raises:
        CallerError: no such file or metric, or a line in another format.
    """
    return tuple(_rated(row, metric, root or Path()) for row in jsonl_rows(lines))


def rated_by_rank(encoder: Encoder, items: Sequence[Captioned], images: Sequence[Image]) -> tuple[Rated, ...]:
    """Captions as queries among the pictures; the score is one over the rank of the caption's own picture.

    Pictures of an equal caption count as found too; ties count against the encoder.
    """
    texts = encoder.encode_text([item.caption for item in items])
    likeness = texts @ encoder.encode_images(images).T
    captions = np.array([item.caption for item in items])
    found = []
    for at, item in enumerate(items):
        same = captions == item.caption
        best = likeness[at][same].max()
        rank = 1 + int((likeness[at][~same] >= best).sum())
        found.append(Rated(text=item.caption, picture=item.path, score=1.0 / rank))
    return tuple(found)


def _rated(row: Row, metric: str, root: Path) -> Rated:
    scores = row.row("scores")
    if metric not in scores.data:
        raise CallerError(f"{row.where}: no metric {metric!r}; there are {', '.join(map(repr, sorted(scores.data)))}")
    columns = scores.find(metric, list) or [None]
    first = columns[0]
    if first is not None and (isinstance(first, bool) or not isinstance(first, int | float)):
        raise scores.bad(metric, "list of numbers", columns)
    sample = row.row("sample")
    return Rated(
        text=sample.get("text", str, ""),
        picture=_picture(sample, row.get("group", str, ""), root),
        score=None if first is None else float(first),
    )


def _picture(sample: Row, group: str, root: Path) -> Path | None:
    relevant = sample.find("relevant", dict) or {}
    names = [str(name) for name in sample.find("images", list) or []]
    names += sorted(map(str, relevant), key=lambda name: (-float(relevant[name]), name))
    for name in (*names, group):
        if name and (root / name).is_file():
            return root / name
    return None
