"""Builds the test set of knowing when not to answer: ``python -m foveate.evals.unanswerable``."""

import argparse
from pathlib import Path

import platformdirs

from foveate.evals.unanswerable.build import MANIFEST, build

_CACHE = platformdirs.user_cache_path("foveate")


def main() -> None:
    """Build it; what it is made of is downloaded once."""
    parser = argparse.ArgumentParser(description="questions with and without an answer, over stamps and countries")
    parser.add_argument("--out", type=Path, default=_CACHE / "datasets" / "unanswerable", help="folder to write")
    out = parser.parse_args().out
    build(out, _CACHE)
    print((out / MANIFEST).read_text("utf-8"))  # noqa: T201


if __name__ == "__main__":
    main()
