"""The set out of its sources, wherever they are: packages are downloaded once."""

import json
from pathlib import Path
from typing import Any

from foveate.evals.datasets.kb import default_folder
from foveate.evals.datasets.stamps import fetch_stamps, read_stamps
from foveate.evals.unanswerable.base import load
from foveate.evals.unanswerable.build import ITEMS, all_items, write
from foveate.evals.unanswerable.kinship import Kinship
from foveate.retrievers.training.countries.build import build
from foveate.retrievers.training.countries.facts import read_world
from foveate.retrievers.training.packages import debian

__all__ = ["made", "made_items"]


def made(out: Path, cache: Path) -> dict[str, Any]:
    """Build it and return its manifest.

    Args:
        out: folder to write.
        cache: the user's, which holds ``datasets/`` and ``training/``.

    Raises:
        ServiceError: a package cannot be downloaded.
        CallerError: ``out`` holds something else.
    """
    training = cache / "training"
    kb = default_folder()
    build(kb, training)
    stamps = fetch_stamps(cache / "datasets")
    kinship = Kinship.read(debian("wordnet-base", training) / "usr/share/wordnet/data.noun")
    items = all_items(read_stamps(stamps), kinship, load(kb, read_world(training)))
    return write(out, items, stamps=stamps, kb=kb)


def made_items(cache: Path, split: str) -> list[dict[str, Any]]:
    """Items of one split, built into the cache; the errors of :func:`made`."""
    out = cache / "datasets" / "unanswerable"
    made(out, cache)
    rows = [json.loads(line) for line in (out / ITEMS).read_text("utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]
