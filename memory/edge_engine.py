"""Between foveate's records and Qdrant Edge's: opening a shard, filters, points, errors.

Measured with qdrant-edge-py 0.9.0, which is in beta and therefore pinned:

- ``EdgeShard.create`` refuses a directory with a shard, ``load`` one without.
- A config given to ``load`` is checked against the data and kept: graph settings can change, vectors not.
- A second ``load`` of the same directory fails with ``WouldBlock`` from the write-ahead log.
- Every error is a bare ``Exception`` with a text, or a panic that is no ``Exception`` at all.
- A full disk kills the process with SIGBUS, for the engine writes through memory maps (seen on file systems
  of 40 and 200 MB; its log alone keeps three files of 32 MB): so room is looked for before points are written.
- Points come back with ``uuid.UUID`` ids; vectors under ``Distance.Dot`` come back bit for bit.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import qdrant_edge as qe

from foveate.errors import CallerError, CollectionBusy, CollectionCorrupt, FoveateError, ServiceError
from foveate.memory.checks import SPARSE
from foveate.memory.durable import write_durably
from foveate.memory.filters import DATE_FIELD, PATH_FIELD, Condition, DateRange, Filter, PathPrefix
from foveate.memory.store import Point, Scored, SparseVector, StoreSpec

__all__ = [
    "EXACT_BELOW",
    "Codes",
    "batches",
    "check_room",
    "config",
    "disk_bytes",
    "engine_filter",
    "engine_point",
    "faults",
    "opened",
    "scored",
    "stored_point",
]

_Item = TypeVar("_Item")

Codes = Literal["turbo4", "int8", "none"]
"""How vectors are compressed for the graph walk; the floats are kept and rescore what it finds."""

EXACT_BELOW = 5_000
"""Points up to which a scan of the floats is about as fast as the graph (0.7 ms), and exact."""
_ROOM_BYTES = 256 << 20
WRITE_BATCH = 500
"""Points to one record of the write-ahead log: 2.6 MB with two vectors of 640 dimensions."""


@contextmanager
def faults(directory: Path, *, opening: bool = False) -> Iterator[None]:
    """Turn the engine's errors into foveate's."""
    try:
        yield
    except FoveateError:
        raise
    except BaseException as error:
        # A Rust panic is a BaseException of its own; everything else that is no Exception is not ours to
        # touch.
        panic = type(error).__name__ == "PanicException"
        if not (panic or isinstance(error, Exception)):
            raise
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        where = repr(str(directory))
        if "WouldBlock" in text:
            raise CollectionBusy(f"{where} is open in another process; close it there first") from error
        if "No space left" in text or "StorageFull" in text or "os error 28" in text:
            raise ServiceError(f"the disk of {where} is full: free some space and run the same again") from error
        if opening or panic:
            raise CollectionCorrupt(
                f"the vector store in {where} cannot be read ({text}); remove that directory and run: "
                "foveate index, which rebuilds it"
            ) from error
        raise ServiceError(f"the vector store in {where} failed: {text}") from error


def check_room(directory: Path, more_bytes: int = 0) -> None:
    """Refuse to write when the disk could run full under the engine.

    Raises:
        ServiceError: less than 256 MB and ``more_bytes`` are free.
    """
    needed, free = _ROOM_BYTES + more_bytes, shutil.disk_usage(directory).free
    if free < needed:
        raise ServiceError(
            f"the disk of {str(directory)!r} is full: {free >> 20} MB are free and {needed >> 20} MB needed; "
            "free some space and run the same again"
        )


def disk_bytes(directory: Path) -> int:
    """What the files of a directory take on disk, holes left out."""
    return sum(path.stat().st_blocks * 512 for path in directory.rglob("*") if path.is_file())


def opened(directory: Path, spec: StoreSpec, config: Any) -> Any:
    """The shard of the directory, made when there is none."""
    shard_path, spec_path = directory / "shard", directory / "store.json"
    wanted = {"version": 1, "dense": dict(spec.dense), "indexed": sorted(spec.indexed)}
    if spec_path.exists():
        has = json.loads(spec_path.read_bytes())
        if has["dense"] != wanted["dense"]:
            raise CallerError(
                f"{str(directory)!r} holds the vectors {has['dense']!r} and cannot take {wanted['dense']!r}"
            )
    elif _half_made(shard_path):
        shutil.rmtree(shard_path)
    if shard_path.exists():
        shard = qe.EdgeShard.load(str(shard_path), config)
    elif spec_path.exists():
        raise FileNotFoundError("store.json is there, its shard is not")
    else:
        check_room(directory)
        shard_path.mkdir()
        shard = qe.EdgeShard.create(str(shard_path), config)
    _index(shard, spec)
    if not spec_path.exists():
        # Last, so that a shard without it is one whose making was cut short.
        write_durably(spec_path, lambda stream: stream.write(json.dumps(wanted).encode()))
    return shard


def _half_made(shard_path: Path) -> bool:
    """Whether a shard never took a point. One with points has lost its store.json and is kept."""
    if not shard_path.exists():
        return False
    try:
        shard = qe.EdgeShard.load(str(shard_path))
    except Exception:
        # Nothing was acknowledged before store.json was written; an empty or torn directory loads no segment.
        return not any(shard_path.glob("segments/*/segment.json"))
    points = shard.info().points_count
    shard.close()
    return bool(points == 0)


def _index(shard: Any, spec: StoreSpec) -> None:
    """Index payload keys: before the first point, so that the graph gets links for filtered walks."""
    known = shard.info().payload_schema
    for key in spec.indexed:
        if key not in known:
            shard.update(qe.UpdateOperation.create_field_index(key, _index_params(key)))
    if not known.keys() >= set(spec.indexed):
        shard.flush()


def _index_params(key: str) -> Any:
    if key == DATE_FIELD:
        return qe.DatetimeIndexParams()
    # The graph's links along payload keys stay on: without them 100,000 real vectors were built in 51 s instead
    # of 68, and recall@10 behind a filter of 13% fell from 0.996 to 0.48 (0.01 behind two filters together).
    return qe.KeywordIndexParams(prefix=key == PATH_FIELD)


def config(spec: StoreSpec, m: int, ef_construct: int, codes: Codes, threads: int | None) -> Any:
    """What a shard is made and opened with."""
    pinned = qe.Memory.Pinned
    quantization: dict[str, Callable[[], Any]] = {
        "turbo4": lambda: qe.TurboQuantQuantizationConfig(bits=qe.TurboQuantBitSize.Bits4, memory=pinned),
        "int8": lambda: qe.ScalarQuantizationConfig(type=qe.ScalarType.Int8, memory=pinned),
        "none": lambda: None,
    }
    if codes not in quantization:
        raise CallerError(f"codes {codes!r} must be one of {list(quantization)}")
    # The engine counts kilobytes of vectors where we count points.
    kilobytes = max(1, EXACT_BELOW * 4 * max(spec.dense.values(), default=1) // 1024)
    return qe.EdgeConfig(
        # Dot, not cosine: vectors are unit length already, and cosine would change their last bits.
        vectors={name: qe.EdgeVectorParams(size=size, distance=qe.Distance.Dot) for name, size in spec.dense.items()},
        sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
        hnsw_config=qe.HnswIndexConfig(m=m, ef_construct=ef_construct, full_scan_threshold=kilobytes),
        quantization_config=quantization[codes](),
        optimizers=qe.EdgeOptimizersConfig(indexing_threshold=kilobytes, default_segment_number=1),
        max_search_threads=threads,
    )


def engine_filter(where: Filter | None) -> Any:
    """The filter as the engine takes it."""
    if not where:
        return None
    return qe.Filter(
        must=[_condition(one) for one in where.conditions if not one.negated],
        must_not=[_condition(one) for one in where.conditions if one.negated],
    )


def _condition(condition: Condition) -> Any:
    match condition:
        case PathPrefix(prefixes=prefixes):
            return qe.Filter(
                should=[qe.FieldCondition(PATH_FIELD, match=qe.MatchPrefix(prefix)) for prefix in prefixes]
            )
        case DateRange(lower=lower, upper=upper):
            span = qe.RangeDateTime(gte=lower.isoformat() if lower else None, lte=upper.isoformat() if upper else None)
            return qe.FieldCondition(DATE_FIELD, range=span)
        case _:
            return qe.FieldCondition(condition.field, match=qe.MatchAny(list(condition.values)))


def batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in stretches that fit one record of the write-ahead log."""
    for start in range(0, len(items), WRITE_BATCH):
        yield items[start : start + WRITE_BATCH]


def engine_point(point: Point) -> Any:
    """The point as the engine takes it."""
    # As lists: an array of 640 takes the engine 0.04 ms, its list half of that, for the same floats.
    vectors: dict[str, Any] = {name: vector.tolist() for name, vector in point.dense.items()}
    if point.sparse:
        vectors[SPARSE] = qe.SparseVector(list(point.sparse.indices), list(point.sparse.values))
    return qe.Point(point.id, vectors, dict(point.payload))


def stored_point(record: Any) -> Point:
    """The point as foveate has it."""
    vectors: dict[str, Any] = dict(record.vector or {})
    sparse = vectors.pop(SPARSE, None)
    return Point(
        id=record.id.hex,
        dense={name: np.asarray(values, dtype=np.float32) for name, values in vectors.items()},
        sparse=SparseVector(indices=tuple(sparse.indices), values=tuple(sparse.values)) if sparse else None,
        payload=record.payload or {},
    )


def scored(rows: Sequence[Any]) -> list[Scored]:
    """Search results as foveate has them."""
    return [Scored(id=row.id.hex, score=row.score, payload=row.payload or {}) for row in rows]
