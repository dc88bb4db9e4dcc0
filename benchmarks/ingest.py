"""Indexing beside a bare encoder loop on the same pictures, already decoded.

What the ratio leaves for everything else: walking, hashing, decoding, storing, flushing, the ledger. The pictures
are crops of the shipped sample, each different. Run: ``python -m benchmarks.ingest [--quick]``.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.report import finish
from foveate import Agent
from foveate.media.discover import discover
from foveate.media.pieces import Limits, Pixels, ReadOptions, Source
from foveate.media.read import read
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.protocols import Encoder

PICTURES = Path(__file__).parent.parent / "examples" / "sample" / "pictures"
GOAL = 0.85
BATCH = 64


def main() -> None:
    """Time both in turn; print the ratio of their rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures")
    quick = parser.parse_args().quick
    count, rounds = (256, 2) if quick else (1024, 3)
    encoder = load_encoder("mini")
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(Path(folder) / "pictures", count)
        arrays = decode(Path(folder) / "pictures")
        encoder.encode_images([Image.fromarray(array) for array in arrays[:BATCH]])  # warm up
        bare, index = [], []
        for turn in range(rounds):
            bare.append(time_bare(encoder, arrays))
            index.append(time_index(encoder, Path(folder), turn))
    ratio = statistics.median(bare) / statistics.median(index)
    finish(
        "ingest",
        ratio,
        "files/s of index over files/s of the bare encoder loop",
        goal=GOAL,
        baseline=1.0,
        higher=True,
        files=count,
        index_files_per_s=round(count / statistics.median(index), 1),
        bare_files_per_s=round(count / statistics.median(bare), 1),
    )


def make_pictures(folder: Path, count: int) -> None:
    """Write ``count`` different crops of the sample's pictures, half PNG, half JPEG."""
    folder.mkdir()
    rng = random.Random(0)
    sources = sorted(path for path in PICTURES.rglob("*") if path.suffix in {".png", ".jpg"})
    for i in range(count):
        with Image.open(sources[i % len(sources)]) as opened:
            image = opened.convert("RGB")
        left, top = rng.randrange(1, 17), rng.randrange(1, 17)
        crop = image.crop((left, top, image.width - rng.randrange(1, 17), image.height - rng.randrange(1, 17)))
        crop.save(folder / f"{i:05d}.{('png', 'jpg')[i % 2]}")


def decode(folder: Path) -> list[Pixels]:
    """(h, w, 3) arrays as ingest hands them to the encoder."""
    options, limits = ReadOptions(), Limits()
    sources = [source for source in discover([folder]) if isinstance(source, Source)]
    pieces = [read(source, 0, limits, options).pieces[0] for source in sources]
    return [np.asarray(piece.pixels) for piece in pieces]


def time_bare(encoder: Encoder, arrays: list[Pixels]) -> float:
    """Seconds to encode everything, nothing else."""
    start = time.perf_counter()
    for first in range(0, len(arrays), BATCH):
        encoder.encode_images([Image.fromarray(array) for array in arrays[first : first + BATCH]])
    return time.perf_counter() - start


def time_index(encoder: Encoder, folder: Path, turn: int) -> float:
    """Seconds to index into a new collection, durable at the end."""
    with Agent.open(f"run{turn}", home=folder / "home", encoder=encoder, model=ScriptedChat([])) as agent:
        start = time.perf_counter()
        report = agent.index(folder / "pictures")
        seconds = time.perf_counter() - start
    if report.skipped or report.indexed == 0:
        raise SystemExit(f"the run left files out: {report.skipped[:3]}")
    return seconds


if __name__ == "__main__":
    main()
