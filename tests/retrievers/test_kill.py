"""SIGKILL at random moments, run again: the same points and payloads as one uninterrupted run."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from foveate.memory.collection import Collection
from foveate.settings import StoreSettings

CHILD = Path(__file__).with_name("index_child.py")
SAMPLE = Path(__file__).parents[2] / "examples" / "sample"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with captions, a PDF, texts, a film, two equal files and one that cannot be read."""
    target = tmp_path_factory.mktemp("media") / "media"
    shutil.copytree(SAMPLE / "pictures" / "animals", target / "animals")
    shutil.copytree(SAMPLE / "documents", target / "documents")
    shutil.copytree(SAMPLE / "films", target / "films")
    (target / "twin.txt").write_bytes((target / "documents" / "lighthouse.txt").read_bytes())
    (target / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 100)
    return target


def start(home: Path, name: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(home), name, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(home: Path, name: str, folder: Path) -> float:
    """Run to the end; seconds from the open collection to the end."""
    child = start(home, name, folder)
    assert child.stdout and child.stdout.readline() == "open\n"
    begun = time.monotonic()
    with child.stdout:
        last = child.stdout.read().splitlines()[-1]
    assert child.wait() == 0 and last.startswith("finished")
    return time.monotonic() - begun


def kill_once(home: Path, name: str, folder: Path, delay_s: float) -> int:
    """Kill the run and its decoders after ``delay_s``; how many files it had reported done."""
    child = start(home, name, folder)
    assert child.stdout and child.stdout.readline() == "open\n"
    time.sleep(delay_s)
    os.killpg(child.pid, signal.SIGKILL)
    with child.stdout:
        lines = [line for line in child.stdout.read().splitlines() if line.startswith("done")]
    child.wait()
    return int(lines[-1].split()[1]) if lines else 0


def content(home: Path, name: str) -> tuple[dict[str, Any], list[Any]]:
    with Collection.open(home, name, None, StoreSettings()) as collection:
        points = {
            point.id: (
                {key: row.tobytes() for key, row in point.dense.items()},
                point.sparse,
                dict(point.payload),
            )
            for point in collection.store.scroll(vectors=True)
        }
        assert collection.missing() == []
        return points, [*collection.ledger.sources(), *collection.ledger.skipped()]


def rounds(tmp_path: Path, folder: Path, kills: int) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    span = finish(tmp_path, "whole", folder)
    whole = content(tmp_path, "whole")
    assert len(whole[0]) > 100
    name, killed = "", 0
    while killed < kills:
        name = f"round{killed}"
        for _ in range(2):
            done = kill_once(tmp_path, name, folder, rng.uniform(0, span))
            killed += 1
            with Collection.open(tmp_path, name, None, StoreSettings()) as collection:
                held = len(list(collection.ledger.sources())) + len(collection.ledger.skipped())
            assert held >= done, "a file that was reported done is lost"
        finish(tmp_path, name, folder)
        assert content(tmp_path, name) == whole


def test_four_kills(tmp_path: Path, folder: Path) -> None:
    rounds(tmp_path, folder, 4)


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path, folder: Path) -> None:
    rounds(tmp_path, folder, 20)
