"""Peak memory while many small pictures are indexed with ``mini``: this process and its decoders together.

The pictures are small crops of the shipped sample, each different. Run: ``python -m benchmarks.memory [--quick]``;
the full form indexes 10,000 of them (4 minutes on two cores).
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from PIL import Image

from benchmarks.ingest import PICTURES
from benchmarks.report import finish
from foveate import Agent
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.progress import IndexProgress

GOAL_GB = 2.5
SIDE_PX = 96


def main() -> None:
    """Index, then read the peaks from the operating system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 pictures")
    count = 1_000 if parser.parse_args().quick else 10_000
    with tempfile.TemporaryDirectory() as folder:
        make_crops(Path(folder) / "pictures", count)
        start = time.perf_counter()
        decoders = 0.0

        def watch(_: IndexProgress) -> None:
            nonlocal decoders
            decoders = max(decoders, children_gb())

        with Agent.open("memory", home=Path(folder) / "home", encoder="mini", model=ScriptedChat([])) as agent:
            opened = own_gb()
            report = agent.index(Path(folder) / "pictures", progress=watch)
        seconds = time.perf_counter() - start
    if report.indexed + report.linked != count:
        raise SystemExit(f"{count - report.indexed} of {count} pictures were left out")
    finish(
        "memory",
        own_gb() + decoders,
        f"GB resident at the peak, {count} pictures, with decoders",
        goal=GOAL_GB,
        baseline=round(opened, 3),
        higher=False,
        baseline_is="models loaded, nothing indexed",
        files_per_s=round(count / seconds, 1),
    )


def make_crops(folder: Path, count: int) -> None:
    """Write ``count`` different square crops of the sample's pictures."""
    folder.mkdir()
    rng = random.Random(0)
    paths = sorted(path for path in PICTURES.rglob("*") if path.suffix in {".png", ".jpg"})
    images = []
    for path in paths:
        with Image.open(path) as opened:
            images.append(opened.convert("RGB"))
    for i in range(count):
        image = images[i % len(images)]
        left = rng.randrange(max(1, image.width - SIDE_PX))
        top = rng.randrange(max(1, image.height - SIDE_PX))
        crop = image.crop((left, top, left + SIDE_PX, top + SIDE_PX))
        # Flat corners of different drawings are equal bytes and would be linked, not encoded.
        crop.putpixel((0, 0), (i % 256, i // 256 % 256, 7))
        crop.save(folder / f"{i:05d}.png", compress_level=1)


def own_gb() -> float:
    """Largest resident set of this process so far, in GB."""
    return _peak_gb(Path("/proc/self/status"))


def children_gb() -> float:
    """Sum of the largest resident sets of the decoder processes.

    Not ``RUSAGE_CHILDREN``: that also counts a child's moment between fork and exec, when it still is this process.
    """
    pids = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    return sum(_peak_gb(Path("/proc") / pid / "status") for pid in pids)


def _peak_gb(status: Path) -> float:
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


if __name__ == "__main__":
    main()
