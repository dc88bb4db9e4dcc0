"""The default store: Qdrant Edge, Qdrant's engine inside this process, in a directory of its own.

Measured with qdrant-edge-py 0.9.0 (more in :mod:`foveate.memory.edge_engine`):

- The engine takes NaN and broken sparse vectors without a word: ``checks`` refuses them before.
- ``set_payload`` raises at the first unknown id after changing the ids before it; a None removes its key.
- Points that no optimizer has seen are scored from their codes too (4 bits: a vector scores 0.998 with
  itself), so rescoring is asked for in every search.
- Results that tie come in any order, also within one segment: see :func:`foveate.memory.checks.ranked`.
- IDF counts deleted and replaced points until their segment is rebuilt: 5 of 60 points put in again moved a
  weight from 1.76 to 1.45. ``IdfParams`` with a corpus counts the living ones only: right, and dearer.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import qdrant_edge as qe

from foveate.errors import CallerError
from foveate.memory.checks import (
    SPARSE,
    check_ids,
    check_payload,
    check_points,
    check_queries,
    check_sparse,
    ranked,
)
from foveate.memory.edge_engine import (
    EXACT_BELOW,
    Codes,
    batches,
    check_room,
    config,
    disk_bytes,
    engine_filter,
    engine_point,
    faults,
    opened,
    scored,
    stored_point,
)
from foveate.memory.filters import Filter
from foveate.memory.lock import ProcessLock
from foveate.memory.store import DenseVector, Point, Scored, SparseVector, StoreSpec
from foveate.settings import StoreSettings

__all__ = ["EdgeStore"]

_IDF_EXACT_BELOW = 20_000
_PAGE = 256
_UPDATE = qe.UpdateOperation


class EdgeStore:
    """Qdrant Edge in ``directory``.

    Args:
        spec: what it holds; must equal what the directory was made with.
        directory: the store's own; made when missing.
        m: edges of a graph node.
        ef_construct: candidates while building.
        hnsw_ef: candidates while searching. On 100,000 real MiniLM vectors 128 gives recall@10 0.983, 192
            gives 0.991 in 1.1 times the time, 256 gives 0.994 in 1.3 times.
        oversampling: how many times ``k`` are rescored with the floats.
        codes: ``turbo4`` is the fastest; ``int8`` builds sooner; ``none`` walks the floats, 2.9 times slower.
        threads: search threads of the engine; None lets it count processors.

    Raises:
        CallerError: the directory holds another spec.
        CollectionBusy: another process has it open.
        CollectionCorrupt: its files cannot be read.
    """

    def __init__(
        self,
        spec: StoreSpec,
        directory: Path,
        *,
        m: int = 16,
        ef_construct: int = 100,
        hnsw_ef: int = 192,
        oversampling: float = 2.0,
        codes: Codes = "turbo4",
        threads: int | None = None,
    ) -> None:
        if SPARSE in spec.dense:
            raise CallerError(f"dense vector name {SPARSE!r} is taken by the sparse vector")
        self._spec = spec
        self._directory = directory
        self._hnsw_ef = hnsw_ef
        self._quantized = qe.QuantizationSearchParams(rescore=True, oversampling=oversampling)
        self._open = True
        self._changes, self._flushed = 0, -1  # the first flush is a real one: opening may have replayed the log
        self._lock = ProcessLock(directory, "store.lock")
        self._lock.acquire()
        try:
            with faults(directory, opening=True):
                self._shard = opened(directory, spec, config(spec, m, ef_construct, codes, threads))
                self._learn()
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def from_settings(cls, settings: StoreSettings, directory: Path, spec: StoreSpec) -> Self:
        """For :func:`foveate.memory.open_store.open_store`."""
        return cls(spec, directory)

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points."""
        checked = check_points(points, self._spec)
        with self._faults():
            for batch in batches(checked):
                check_room(self._directory)
                self._change(_UPDATE.upsert_points([engine_point(point) for point in batch]))
        self._at_most += len(checked)

    def set_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        """Set these payload keys on these points; None removes a key."""
        check_payload(payload)
        for batch in batches(check_ids(ids)):
            with self._faults():
                known = [record.id for record in self._shard.retrieve(list(batch), False, False)]
                if known and payload:
                    self._change(_UPDATE.set_payload(known, dict(payload)))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are passed over."""
        for batch in batches(check_ids(ids)):
            with self._faults():
                self._change(_UPDATE.delete_points(list(batch)))

    def flush(self) -> None:
        """Return once everything before is durable."""
        # The engine's own flush takes 0.1 s also where nothing changed since the last, and holds the interpreter.
        changes = self._changes
        if changes != self._flushed:
            with self._faults():
                self._shard.flush()
            self._flushed = changes

    def optimize(self) -> None:
        """Build the graph and drop deleted points: 100,000 x 384 take about 20 s on two idle cores.

        For the end of an ingest. Cheap when there is little to do: the engine builds when 5,000 points are
        new, and rebuilds when a fifth of a segment is gone; 4,900 new ones beside 25,000 took a third of the
        first build.
        """
        with self._faults():
            # New segments are written beside the old ones.
            check_room(self._directory, 2 * disk_bytes(self._directory))
            # Flushed first: servers of this engine have lost acknowledged points killed while optimising.
            self.flush()
            if self._shard.optimize():
                self._shard.flush()
            self._learn()

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        """The points that exist, in the order asked for."""
        found: list[Point] = []
        for batch in batches(check_ids(ids)):
            with self._faults():
                points = [stored_point(record) for record in self._shard.retrieve(list(batch), True, vectors)]
            by_id = {point.id: point for point in points}
            found += [by_id[one] for one in batch if one in by_id]
        return found

    def scroll(self, where: Filter | None = None, *, vectors: bool = False) -> Iterator[Point]:
        """Every point that matches, ordered by id, read in pages of 256."""
        offset, wanted = None, engine_filter(where)
        while True:
            request = qe.ScrollRequest(
                offset=offset, limit=_PAGE, filter=wanted, with_payload=True, with_vector=vectors
            )
            with self._faults():
                records, offset = self._shard.scroll(request)
                points = [stored_point(record) for record in records]
            yield from points
            if offset is None:
                return

    def count(self, where: Filter | None = None) -> int:
        """Exact number of points that match."""
        with self._faults():
            return int(self._shard.count(qe.CountRequest(exact=True, filter=engine_filter(where))))

    def search(self, name: str, vectors: DenseVector, k: int, where: Filter | None = None) -> list[list[Scored]]:
        """Nearest points: exactly while the store is small, then by the graph, or by its codes where none is."""
        queries = check_queries(name, vectors, k, self._spec)
        wanted, params = engine_filter(where), self._search_params(k)

        def request(vector: Any, limit: int) -> Any:
            return qe.QueryRequest(
                limit=limit,
                query=qe.Query.Nearest(vector, name),
                filter=wanted,
                params=params,
                with_payload=True,
            )

        def again(vector: Any, limit: int) -> list[Scored]:
            with self._faults():
                return scored(self._shard.query(request(vector, limit)))

        with self._faults():
            if len(queries) == 1:
                rows = [self._shard.query(request(queries[0], k + 1))]
            else:
                rows = self._shard.query_batch(qe.QueryBatchRequest([request(one, k + 1) for one in queries]))
        return [
            ranked(lambda limit, one=one: again(one, limit), k, scored(found))  # type: ignore[misc]
            for one, found in zip(queries, rows, strict=True)
        ]

    def search_sparse(self, vector: SparseVector, k: int, where: Filter | None = None) -> list[Scored]:
        """Best points by BM25."""
        check_sparse(vector, k)
        if not vector.indices:
            return []
        terms = qe.SparseVector(list(vector.indices), list(vector.values))
        # Exact IDF costs 2 to 8 ms at 100,000 points of 30 terms, the engine's own count 0.35 ms. In a small
        # collection one deletion weighs more and the exact count costs little; in a large one the vacuum
        # keeps deleted points under a fifth.
        params = qe.SearchParams(idf=qe.IdfParams(corpus=qe.Filter())) if self._at_most < _IDF_EXACT_BELOW else None
        wanted = engine_filter(where)

        def fetch(limit: int) -> list[Scored]:
            request = qe.QueryRequest(
                limit=limit,
                query=qe.Query.Nearest(terms, SPARSE),
                filter=wanted,
                params=params,
                with_payload=True,
            )
            with self._faults():
                return scored(self._shard.query(request))

        return ranked(fetch, k)

    def close(self) -> None:
        """Flush and let go of the files."""
        try:
            with self._faults():
                # A shard closed without flush lost all its points in the wild; closed twice, flush raises.
                if self._open:
                    self._shard.flush()
                    self._shard.close()
        finally:
            self._open = False
            self._lock.release()

    def _change(self, operation: Any) -> None:
        try:
            self._shard.update(operation)
        finally:
            self._changes += 1

    def _learn(self) -> None:
        # An upper bound: what is replaced from now on counts twice until the next look.
        self._at_most = int(self._shard.info().points_count)

    def _search_params(self, k: int) -> Any:
        # Without a graph the engine scans the codes and rescores: 20,000 real vectors took 0.7 ms at
        # recall@10 1.0 where a scan of the floats took 2.8.
        if self._at_most < EXACT_BELOW:
            return qe.SearchParams(exact=True)
        return qe.SearchParams(hnsw_ef=max(self._hnsw_ef, 3 * k), quantization=self._quantized)

    def _faults(self) -> AbstractContextManager[None]:
        return faults(self._directory)
