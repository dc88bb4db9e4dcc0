"""Karpathy's splits of captioned pictures: ``dataset_flickr30k.json``, ``dataset_coco.json``.

Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", CVPR 2015. An object whose
``images`` are ``{"filename", "filepath", "split", "sentences": [{"raw", "sentid", "tokens"}]}``; ``filepath`` is the
folder and stands in COCO's alone.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.reading.captions import Captioned
from foveate.evals.reading.fields import ident
from foveate.evals.reading.media import Media
from foveate.evals.reading.rows import Row, json_rows

__all__ = ["SPLITS", "pictures"]

SPLITS = ("restval", "test", "train", "val")


def pictures(path: Path, split: str, media: Media) -> Iterator[Captioned]:
    """The pictures of one split with their captions; ids are file names and ``sentid``.

    Raises:
        CallerError: a missing file or picture, or a row that is not as published.
    """
    for row in json_rows(path, "images"):
        if row.get("split", str) != split:
            continue
        name = row.get("filename", str)
        inner = row.find("filepath", str)
        found = media.path(f"{inner}/{name}" if inner else name, row.where)
        if found is not None:
            yield Captioned(id=name, path=found, captions=_captions(row))


def _captions(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple((ident(sentence, "sentid"), sentence.get("raw", str).strip()) for sentence in row.rows("sentences"))
