"""Builds the test set of knowing when not to answer: ``python -m foveate.evals.unanswerable``."""

import argparse
import json
from pathlib import Path

import platformdirs

from foveate.evals.datasets.kb import default_folder
from foveate.evals.datasets.stamps import fetch_stamps, read_stamps
from foveate.evals.unanswerable.base import load
from foveate.evals.unanswerable.build import all_items, write
from foveate.evals.unanswerable.kinship import Kinship
from foveate.retrievers.training.countries.build import build
from foveate.retrievers.training.countries.facts import read_world
from foveate.retrievers.training.packages import debian

_CACHE = platformdirs.user_cache_path("foveate")


def main() -> None:
    """Build it; what it is made of is downloaded once."""
    parser = argparse.ArgumentParser(description="questions with and without an answer, over stamps and countries")
    parser.add_argument("--out", type=Path, default=_CACHE / "datasets" / "unanswerable", help="folder to write")
    out = parser.parse_args().out
    training = _CACHE / "training"
    kb = default_folder()
    build(kb, training)
    stamps = fetch_stamps(_CACHE / "datasets")
    kinship = Kinship.read(debian("wordnet-base", training) / "usr/share/wordnet/data.noun")
    items = all_items(read_stamps(stamps), kinship, load(kb, read_world(training)))
    print(json.dumps(write(out, items, stamps=stamps, kb=kb), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
