"""A child process that writes and is killed: what it acknowledged must be there afterwards."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from foveate.memory.edge import EdgeStore
from foveate.memory.reference import ReferenceStore
from foveate.memory.store import Point, SparseVector, Store
from tests.contracts.store import SPEC, Opener, unit

_STORES = {"edge": EdgeStore, "reference": ReferenceStore}


def point(number: int) -> Point:
    return Point(
        id=f"{number:032x}",
        dense={"image": unit(8, number)},
        sparse=SparseVector(indices=(number % 7,), values=(1.0,)),
        payload={"kind": "film", "n": number, "media": f"{number // 20:032x}"},
    )


def write(kind: str, directory: str, first: int) -> None:
    """Write for ever, printing the first id of each batch that ``flush`` acknowledged."""
    store: Store = _STORES[kind](SPEC, Path(directory))
    for start in range(first, first + 1_000_000, 20):
        store.upsert([point(start + i) for i in range(20)])
        if start % 60 == 0:
            store.optimize()
        store.flush()
        sys.stdout.write(f"{start}\n")
        sys.stdout.flush()


def kill_at_random(kind: str, directory: Path, opener: Opener, kills: int, seed: int) -> None:
    """Kill a writer ``kills`` times at random moments; all that was acknowledged must be whole each time."""
    chance = random.Random(seed)
    root = Path(__file__).parents[2]
    acknowledged: list[int] = []
    for number in range(kills):
        arguments = f"{kind!r}, {str(directory)!r}, {number * 60_000}"
        command = f"from tests.memory.durability import write; write({arguments})"
        child = subprocess.Popen(
            [sys.executable, "-c", command],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert child.stdout is not None
        with child:
            for _ in range(chance.randint(1, 12)):
                acknowledged.append(int(child.stdout.readline()))
            time.sleep(chance.random() * 0.02)
            child.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
        store = opener()
        try:
            wanted = [point(start + i) for start in acknowledged for i in range(20)]
            found = store.get([one.id for one in wanted], vectors=True)
            assert [one.id for one in found] == [one.id for one in wanted], f"seed {seed}"
            for one, expected in zip(found, wanted, strict=True):
                assert one.payload == expected.payload and one.sparse == expected.sparse
                assert one.dense["image"].tobytes() == expected.dense["image"].tobytes()
            last = wanted[-1]
            assert store.search("image", last.dense["image"][None], 1)[0][0].id == last.id
        finally:
            store.close()
