"""Search speed and recall of the default store beside exact NumPy.

``python -m benchmarks.search`` builds an index of 100,000 x 384 and measures it; ``--quick`` uses the index
that a full run left in the cache, or a smaller one. ``--prepare`` makes the real vectors (minutes, needs
MiniLM). Both sides run in this process, one query at a time, on the same queries, in blocks that take
turns, with the same number of threads.
"""

import argparse
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import DIMENSIONS, Vectors, cache_file, load_real, prepare, synthetic
from foveate.memory.edge import EdgeStore
from foveate.memory.filters import INDEXED, path_keys
from foveate.memory.store import Point, StoreSpec

FULL, QUICK = 100_000, 40_000
K = 10
GOAL_RATIO, GOAL_RECALL = 0.2, 0.98
_SPEC = StoreSpec(dense={"text": DIMENSIONS}, indexed=INDEXED)
# Query by query in turn, the threads of NumPy's matrix product, which spin for work, slowed ours from 0.7 to
# 11 ms.
_BLOCK = 50
_KINDS = ("image", "document", "document", "film")


def _point(number: int, vector: Vectors) -> Point:
    """A point with the payload keys of a collection, so that reading payloads is measured too."""
    path = f"/data/folder{number // 2000}/file{number // 20}.pdf"
    payload = {
        "kind": _KINDS[number % 4],
        "part": "passage",
        "format": "pdf",
        "media": f"{number // 20:032x}",
        "paths": [path],
        "path_keys": path_keys(path),
    }
    return Point(id=f"{number:032x}", dense={"text": vector}, payload=payload)


def _filled(directory: Path, base: Vectors) -> tuple[EdgeStore, dict[str, float]]:
    """A store over the vectors: the one in the directory when it holds as many, else a new one."""
    if (directory / "done").exists():
        store = EdgeStore(_SPEC, directory)
        if store.count() == len(base):
            return store, json.loads((directory / "done").read_text())
        store.close()
    shutil.rmtree(directory, ignore_errors=True)
    store = EdgeStore(_SPEC, directory)
    started = time.perf_counter()
    for first in range(0, len(base), 2_000):
        store.upsert([_point(first + i, vector) for i, vector in enumerate(base[first : first + 2_000])])
    store.flush()
    upserted = time.perf_counter()
    store.optimize()
    seconds = {
        "upsert_s": round(upserted - started, 1),
        "optimize_s": round(time.perf_counter() - upserted, 1),
    }
    (directory / "done").write_text(json.dumps(seconds))
    return store, seconds


def _exact(base: Vectors, query: Vectors) -> NDArray[np.intp]:
    scores = base @ query
    best = np.argpartition(-scores, K)[:K]
    return best[np.argsort(-scores[best])]


def _timed(times: list[float], action: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = action()
    times.append(time.perf_counter() - started)
    return result


def _measure(store: EdgeStore, base: Vectors, queries: Vectors) -> dict[str, Any]:
    """Times of both sides, block by block in turn, and recall."""
    store.search("text", queries[:50], K)
    ours: list[float] = []
    theirs: list[float] = []
    found = 0
    for first in range(0, len(queries), _BLOCK):
        block = queries[first : first + _BLOCK]
        # One untimed query each: the other side's block has emptied the caches, and its threads spin for a
        # while.
        store.search("text", block[:1], K)
        rows = [_timed(ours, lambda one=one: store.search("text", one[None], K)[0]) for one in block]
        _exact(base, block[0])
        truth = [_timed(theirs, lambda one=one: _exact(base, one)) for one in block]
        found += sum(
            len({int(row.id, 16) for row in got} & set(best.tolist())) for got, best in zip(rows, truth, strict=True)
        )
    started = time.perf_counter()
    store.search("text", queries, K)
    batch = len(queries) / (time.perf_counter() - started)
    return {
        "recall_at_10": round(found / K / len(queries), 4),
        "p50_ms": round(float(np.median(ours)) * 1e3, 3),
        "p99_ms": round(float(np.quantile(ours, 0.99)) * 1e3, 3),
        "numpy_p50_ms": round(float(np.median(theirs)) * 1e3, 3),
        "numpy_p99_ms": round(float(np.quantile(theirs, 0.99)) * 1e3, 3),
        "batch_per_s": round(batch),
        "queries": len(queries),
    }


def run(quick: bool) -> dict[str, Any]:
    """Measure and give the figures of the last line."""
    real = load_real()
    index = cache_file().with_name("index-real" if real else "index-synthetic")
    ready = (index / "done").exists()
    count = QUICK if quick and not ready else FULL
    base, queries = real or synthetic(FULL)
    base = base[:count]
    if not quick:
        shutil.rmtree(index, ignore_errors=True)
    elif not ready:
        index = index.with_name(index.name + "-quick")
    store, seconds = _filled(index, base)
    try:
        figures = _measure(store, base, queries[: 300 if quick else 1_000])
    finally:
        store.close()
    ratio = round(figures["p50_ms"] / figures["numpy_p50_ms"], 3)
    # Exact search costs in proportion to the points, a graph hardly: fewer points make the same engine look worse.
    goal = round(GOAL_RATIO * FULL / count, 3)
    return {
        "name": "search",
        "value": ratio,
        "unit": "x exact NumPy p50",
        "goal": goal,
        "baseline": 1.0,
        "ok": ratio <= goal and figures["recall_at_10"] >= GOAL_RECALL,
        "goal_recall": GOAL_RECALL,
        **figures,
        "vectors": "real" if real else "synthetic",
        "n": count,
        "dimensions": DIMENSIONS,
        "threads": os.cpu_count(),
        "machine_load": round(os.getloadavg()[0], 1),
        **seconds,
        "index": "cached" if ready and quick else "built",
    }


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 50 s: cached index, or 40,000 vectors")
    parser.add_argument("--prepare", action="store_true", help="encode real vectors into the cache, then stop")
    parser.add_argument("--model", help="folder of all-MiniLM-L6-v2 for --prepare")
    options = parser.parse_args()
    if options.prepare:
        print(prepare(FULL, options.model))
        return
    figures = run(options.quick)
    for key, value in figures.items():
        print(f"{key:>14} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
