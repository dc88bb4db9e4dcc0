"""What every store checks alike before it touches its engine, and how every store orders results."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from foveate.errors import CallerError
from foveate.memory.store import DenseVector, Point, Scored, SparseVector, StoreSpec

__all__ = ["SPARSE", "check_ids", "check_payload", "check_points", "check_queries", "check_sparse", "ranked"]

SPARSE = "bm25"
"""Name of the sparse vector in every engine; a dense vector cannot have it."""

_ID = re.compile("[0-9a-f]{32}")
_INT64 = 1 << 63
_UINT32 = 1 << 32
_TIES_MOST = 4_096


def check_ids(ids: Sequence[str]) -> list[str]:
    """The ids without repeats, in order.

    Raises:
        CallerError: one is not 32 lower-case hexadecimal digits.
    """
    for one in ids:
        if not (isinstance(one, str) and _ID.fullmatch(one)):
            raise CallerError(f"point id {one!r} must be 32 lower-case hexadecimal digits")
    return list(dict.fromkeys(ids))


def check_points(points: Sequence[Point], spec: StoreSpec) -> list[Point]:
    """Points as stores keep them: the last of each id, float32 copies, an empty sparse vector as None.

    Raises:
        CallerError: a name, dimension, value or payload that the contract forbids.
    """
    check_ids([point.id for point in points])
    latest = {point.id: point for point in points}
    return [_checked(point, spec) for point in latest.values()]


def _checked(point: Point, spec: StoreSpec) -> Point:
    dense = {name: _checked_dense(name, vector, spec, 1) for name, vector in point.dense.items()}
    sparse = point.sparse
    if sparse is not None:
        check_sparse(sparse)
    check_payload(point.payload)
    return replace(point, dense=dense, sparse=sparse if sparse and sparse.indices else None)


def _checked_dense(name: str, vector: DenseVector, spec: StoreSpec, axes: int) -> DenseVector:
    if name not in spec.dense:
        raise CallerError(f"vector name {name!r} must be one of {sorted(spec.dense)}")
    array = np.ascontiguousarray(vector, dtype=np.float32)
    if array.ndim != axes or array.shape[-1] != spec.dense[name]:
        raise CallerError(f"vector {name!r} has shape {array.shape}, its last axis must be {spec.dense[name]}")
    if not np.isfinite(array).all():
        raise CallerError(f"vector {name!r} holds values that are not finite")
    return array


def check_queries(name: str, vectors: DenseVector, k: int, spec: StoreSpec) -> DenseVector:
    """Query vectors as (q, d) float32.

    Raises:
        CallerError: unknown name, wrong shape, values that are not finite, or ``k`` below 1.
    """
    _check_k(k)
    return _checked_dense(name, vectors, spec, 2)


def _check_k(k: int) -> None:
    if k < 1:
        raise CallerError(f"k {k!r} must be 1 or more")


def check_sparse(vector: SparseVector, k: int = 1) -> None:
    """Raise CallerError for a sparse vector that engines read differently.

    Edge takes repeated indices and lists of unequal length without a word and scores them at random.
    """
    _check_k(k)
    indices, values = vector.indices, vector.values
    if len(indices) != len(values) or len(set(indices)) != len(indices):
        raise CallerError("a sparse vector needs one value for each index and no index twice")
    if not all(0 <= index < _UINT32 for index in indices):
        raise CallerError("indices of a sparse vector must be from 0 to 2**32 - 1")
    if not all(math.isfinite(value) and value > 0 for value in values):
        raise CallerError("values of a sparse vector must be finite and more than 0")


def check_payload(value: Any, key: str = "payload") -> None:
    """Raise CallerError unless the value is JSON that every engine gives back as it was.

    Edge turns integers beyond 64 bits into floats, and refuses NaN and surrogates with errors of its own.
    """
    match value:
        case list():
            for item in value:
                check_payload(item, key)
        case None | bool() | int() | float() | str():
            if problem := _scalar_problem(value):
                raise CallerError(f"{key} {value!r} {problem}")
        case Mapping():
            for name, item in value.items():
                if not isinstance(name, str):
                    raise CallerError(f"{key} has the key {name!r}, keys must be text")
                check_payload(name, "payload key")
                check_payload(item, name)
        case _:
            raise CallerError(f"{key} holds {type(value).__name__}, only JSON values can be stored")


def _scalar_problem(value: bool | int | float | str | None) -> str:
    if isinstance(value, str):
        # isascii first: it settles most texts without looking at each sign.
        broken = not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value)
        return "holds surrogates, which are no UTF-8" if broken else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "must be finite"
    if isinstance(value, int):
        return "" if -_INT64 <= value < _INT64 else "must fit 64 bits"
    return ""


def ranked(fetch: Callable[[int], list[Scored]], k: int, first: list[Scored] | None = None) -> list[Scored]:
    """The best ``k``, ties by id, from an engine that orders ties as it likes.

    Engines also cut ties at ``k`` as they like, so one point more is asked for; while the last one asked for
    ties with the ``k``-th, four times as many are. Scores within 1e-6 count as ties: the same vector in two
    segments, or at two places of a matrix product, scores a few last bits apart. More than 4,096 points that
    tie are cut where the engine cuts them.

    Args:
        fetch: gives the best n of the engine.
        k: how many are wanted.
        first: what ``fetch(k + 1)`` gave, when that is known already.
    """
    limit = k + 1
    rows = fetch(limit) if first is None else first
    while True:
        rows = sorted(rows, key=_order)
        if len(rows) < limit or limit > k + _TIES_MOST or _order(rows[k - 1])[0] != _order(rows[-1])[0]:
            return rows[:k]
        limit = min(limit * 4, k + _TIES_MOST + 1)
        rows = fetch(limit)


def _order(row: Scored) -> tuple[float, str]:
    return (-round(row.score, 6), row.id)
