"""The reference store: NumPy, exact, small enough to be read at once. Other stores are held against it."""

import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, CollectionCorrupt
from foveate.memory.checks import check_ids, check_payload, check_points, check_queries, check_sparse
from foveate.memory.durable import write_durably
from foveate.memory.filters import Filter
from foveate.memory.lock import ProcessLock
from foveate.memory.store import DenseVector, Point, Scored, SparseVector, StoreSpec
from foveate.settings import StoreSettings

__all__ = ["ReferenceStore", "idf"]

_FILE = "points.npz"


def idf(total: int, holding: int) -> float:
    """Weight of a term that ``holding`` of ``total`` points hold (those with a sparse vector at all).

    Okapi BM25 with the +1 of Lucene, which is also what Qdrant's ``Modifier.IDF`` computes: never negative.
    """
    return math.log((total - holding + 0.5) / (holding + 0.5) + 1.0)


class ReferenceStore:
    """Everything in memory; with a directory, ``flush`` writes one file and renames it into place."""

    def __init__(self, spec: StoreSpec, directory: Path | None = None) -> None:
        self._spec = spec
        self._points: dict[str, Point] = {}
        self._directory = directory
        self._lock = ProcessLock(directory, "store.lock") if directory else None
        self._matrices: dict[str, tuple[list[str], DenseVector]] = {}
        self._open = True
        if self._lock and directory:
            self._lock.acquire()
            try:
                self._points = _load(directory, spec)
            except BaseException:
                self._lock.release()
                raise

    @classmethod
    def from_settings(cls, settings: StoreSettings, directory: Path, spec: StoreSpec) -> Self:
        """For :func:`foveate.memory.open_store.open_store`."""
        return cls(spec, directory)

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points."""
        for point in check_points(points, self._spec):
            dense = {name: vector.copy() for name, vector in point.dense.items()}
            self._points[point.id] = replace(point, dense=dense, payload=deepcopy(dict(point.payload)))
        self._matrices.clear()

    def set_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        """Set these payload keys on these points; None removes a key."""
        check_payload(payload)
        for one in check_ids(ids):
            if point := self._points.get(one):
                merged = {**point.payload, **deepcopy(dict(payload))}
                gone = [key for key, value in payload.items() if value is None]
                self._points[one] = replace(
                    point, payload={key: value for key, value in merged.items() if key not in gone}
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are passed over."""
        for one in check_ids(ids):
            self._points.pop(one, None)
        self._matrices.clear()

    def flush(self) -> None:
        """Write the file, when there is a directory."""
        if self._directory and self._open:
            _save(self._directory, self._spec, self._points)

    def optimize(self) -> None:
        """Nothing to do: search is exact."""

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        """The points that exist, in the order asked for."""
        return [_shown(self._points[one], vectors) for one in check_ids(ids) if one in self._points]

    def scroll(self, where: Filter | None = None, *, vectors: bool = False) -> Iterator[Point]:
        """Every point that matches, ordered by id."""
        for one in sorted(self._points):
            point = self._points.get(one)
            if point and _fits(point, where):
                yield _shown(point, vectors)

    def count(self, where: Filter | None = None) -> int:
        """Exact number of points that match."""
        return sum(_fits(point, where) for point in self._points.values())

    def search(self, name: str, vectors: DenseVector, k: int, where: Filter | None = None) -> list[list[Scored]]:
        """Exact nearest points by dot product."""
        queries = check_queries(name, vectors, k, self._spec)
        ids, matrix = self._matrix(name)
        rows = np.array([i for i, one in enumerate(ids) if _fits(self._points[one], where)], dtype=np.intp)
        scores = queries @ matrix[rows].T
        return [self._best([ids[i] for i in rows], row, k) for row in scores]

    def search_sparse(self, vector: SparseVector, k: int, where: Filter | None = None) -> list[Scored]:
        """Exact BM25: IDF is over all points with a sparse vector, whatever the filter."""
        check_sparse(vector, k)
        held = {
            one: dict(zip(point.sparse.indices, point.sparse.values, strict=True))
            for one, point in sorted(self._points.items())
            if point.sparse
        }
        weights = {
            term: weight * idf(len(held), sum(term in terms for terms in held.values()))
            for term, weight in zip(vector.indices, vector.values, strict=True)
        }
        found = {
            one: sum(weight * terms[term] for term, weight in weights.items() if term in terms)
            for one, terms in held.items()
            if not weights.keys().isdisjoint(terms) and _fits(self._points[one], where)
        }
        return self._best(list(found), np.array(list(found.values())), k)

    def close(self) -> None:
        """Flush and let go of the directory."""
        if self._open:
            self.flush()
            self._open = False
            if self._lock:
                self._lock.release()

    def _matrix(self, name: str) -> tuple[list[str], DenseVector]:
        if name not in self._matrices:
            ids = [one for one in sorted(self._points) if name in self._points[one].dense]
            empty = np.zeros((0, self._spec.dense[name]), dtype=np.float32)
            matrix = np.stack([self._points[one].dense[name] for one in ids]) if ids else empty
            self._matrices[name] = ids, matrix
        return self._matrices[name]

    def _best(self, ids: list[str], scores: NDArray[Any], k: int) -> list[Scored]:
        # Ids come sorted and the sort is stable, so ties within 1e-6 (see checks.ranked) stay ordered by id.
        order = np.argsort(-np.round(scores.astype(np.float64), 6), kind="stable")[:k]
        return [
            Scored(id=ids[i], score=float(scores[i]), payload=deepcopy(self._points[ids[i]].payload)) for i in order
        ]


def _fits(point: Point, where: Filter | None) -> bool:
    return where is None or where.matches(point.payload)


def _shown(point: Point, vectors: bool) -> Point:
    dense = {name: vector.copy() for name, vector in point.dense.items()} if vectors else {}
    payload = deepcopy(point.payload)
    return replace(point, dense=dense, sparse=point.sparse if vectors else None, payload=payload)


def _save(directory: Path, spec: StoreSpec, points: Mapping[str, Point]) -> None:
    rows = [points[one] for one in sorted(points)]
    arrays: dict[str, Any] = {}
    for name, dimensions in spec.dense.items():
        held = [i for i, point in enumerate(rows) if name in point.dense]
        matrix = np.zeros((len(held), dimensions), dtype=np.float32)
        for to, i in enumerate(held):
            matrix[to] = rows[i].dense[name]
        arrays |= {f"rows:{name}": np.array(held, dtype=np.int64), f"dense:{name}": matrix}
    records = [
        (point.id, dict(point.payload), point.sparse and [point.sparse.indices, point.sparse.values]) for point in rows
    ]
    text = json.dumps({"dense": dict(spec.dense), "records": records}, allow_nan=False)
    arrays["json"] = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
    # Plain arrays only, so np.savez pickles nothing; loading refuses pickles.
    write_durably(directory / _FILE, lambda stream: np.savez(stream, **arrays))


def _load(directory: Path, spec: StoreSpec) -> dict[str, Point]:
    path = directory / _FILE
    if not path.exists():
        return {}
    try:
        # Opened here, for np.load leaks its own handle when the file is torn.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
            body = json.loads(data["json"].tobytes())
            if body["dense"] != dict(spec.dense):
                raise CallerError(f"{str(directory)!r} holds vectors {body['dense']!r}, not {dict(spec.dense)!r}")
            dense: list[dict[str, DenseVector]] = [{} for _ in body["records"]]
            for name in spec.dense:
                for row, vector in zip(data[f"rows:{name}"], data[f"dense:{name}"], strict=True):
                    dense[row][name] = vector
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise CollectionCorrupt(
            f"the store in {str(directory)!r} cannot be read ({error}); move it away and run: foveate index"
        ) from error
    points = {}
    for (one, payload, sparse), vectors in zip(body["records"], dense, strict=True):
        terms = SparseVector(indices=tuple(sparse[0]), values=tuple(sparse[1])) if sparse else None
        points[one] = Point(id=one, dense=vectors, sparse=terms, payload=payload)
    return points
