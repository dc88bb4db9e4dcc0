"""A Qdrant server or cluster as the store, for collections that many processes or machines read.

Needs Qdrant 1.19 or later: earlier ones lose acknowledged points in known cases, and have no prefix match.
The server keeps its own write-ahead log; every write waits until it is applied (``wait=True``), so ``flush``
has nothing left to do. The one-process rule is the server's to keep, not this class's: many may read and
write.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from foveate.errors import CallerError, ExtraMissing, ServiceError
from foveate.memory.checks import (
    SPARSE,
    check_ids,
    check_payload,
    check_points,
    check_queries,
    check_sparse,
    ranked,
)
from foveate.memory.filters import DATE_FIELD, PATH_FIELD, Condition, DateRange, Filter, PathPrefix
from foveate.memory.store import DenseVector, Point, Scored, SparseVector, StoreSpec
from foveate.settings import StoreSettings

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

__all__ = ["ServerOptions", "ServerStore"]

_PAGE = 256
_LOG = logging.getLogger(__name__)
_Item = TypeVar("_Item")


def _models() -> Any:
    try:
        from qdrant_client import models
    except ModuleNotFoundError as error:
        raise ExtraMissing("qdrant-client", "serving") from error
    return models


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerOptions:
    """How a collection is laid out and talked to."""

    shards: int = 1
    """Parts the collection is cut into; at least one a node of a cluster. Fixed once it is made."""
    replicas: int = 1
    """Copies of each shard; 2 or more survive the loss of a node."""
    write_consistency: int = 1
    """Replicas that must have a write before it counts."""
    prefix: str = "foveate_"
    """Put before collection names, so that several users share a server."""
    timeout_s: int = 30
    batch: int = 200
    """Points to a request: 1 MB with two vectors of 640 dimensions, far under the server's limit of 32 MB."""
    attempts: int = 4
    """Tries of a request that fails in passing; waits between them are 0.2, 0.4, 0.8 s ..."""
    m: int = 16
    ef_construct: int = 100
    hnsw_ef: int = 192
    oversampling: float = 2.0


class ServerStore:
    """One collection of a server.

    Args:
        spec: what it holds.
        collection: name without the prefix.
        url: address, such as ``https://qdrant.example:6333``.
        api_key: sent with each request and shown nowhere.
        client: a ready client instead of ``url``; for tests.
        options: layout and limits.

    Raises:
        CallerError: neither ``url`` nor ``client``, or a collection that holds other vectors.
        ExtraMissing: qdrant-client is not installed.
        ServiceError: the server does not answer.
    """

    def __init__(
        self,
        spec: StoreSpec,
        collection: str,
        *,
        url: str | None = None,
        api_key: str | None = None,
        client: "QdrantClient | None" = None,
        options: ServerOptions | None = None,
    ) -> None:
        if SPARSE in spec.dense:
            raise CallerError(f"dense vector name {SPARSE!r} is taken by the sparse vector")
        self._options = options or ServerOptions()
        self._models = _models()
        if client is None and not url:
            raise CallerError("the store 'server' needs store.url, such as http://127.0.0.1:6333")
        self._spec = spec
        self._name = self._options.prefix + collection
        self._where = url or "a given client"
        self._client: Any = client if client is not None else _connect(url, api_key, self._options)
        # Who opens closes: a client that was given stays open.
        self._owned = client is None
        self._prepare()

    @classmethod
    def from_settings(cls, settings: StoreSettings, directory: Path, spec: StoreSpec) -> Self:
        """For :func:`foveate.memory.open_store.open_store`."""
        key = settings.api_key.get_secret_value() if settings.api_key else None
        return cls(spec, directory.parent.name, url=settings.url, api_key=key)

    def __repr__(self) -> str:
        return f"ServerStore(collection={self._name!r}, url={self._where!r}, api_key='***')"

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points."""
        for batch in self._batches(check_points(points, self._spec)):
            structs = [self._struct(point) for point in batch]
            self._call("upsert", structs, wait=True)

    def set_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        """Set these payload keys on these points; None removes a key."""
        check_payload(payload)
        kept = {key: value for key, value in payload.items() if value is not None}
        gone = [key for key, value in payload.items() if value is None]
        for batch in self._batches(check_ids(ids)):
            known = [point.id for point in self.get(batch)]
            if known and kept:
                self._call("set_payload", kept, points=known, wait=True)
            if known and gone:
                self._call("delete_payload", gone, points=known, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are passed over."""
        for batch in self._batches(check_ids(ids)):
            selector = self._models.PointIdsList(points=list(batch))
            self._call("delete", selector, wait=True)

    def flush(self) -> None:
        """Nothing to do: every write waited for the server's log."""

    def optimize(self) -> None:
        """Nothing to do: the server builds its indexes on its own."""

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        """The points that exist, in the order asked for."""
        found: list[Point] = []
        for batch in self._batches(check_ids(ids)):
            records = self._call("retrieve", list(batch), with_payload=True, with_vectors=vectors)
            by_id = {point.id: point for point in map(_point, records)}
            found += [by_id[one] for one in batch if one in by_id]
        return found

    def scroll(self, where: Filter | None = None, *, vectors: bool = False) -> Iterator[Point]:
        """Every point that matches, ordered by id, read in pages of 256."""
        offset, wanted = None, self._filter(where)
        while True:
            records, offset = self._call(
                "scroll",
                scroll_filter=wanted,
                limit=_PAGE,
                offset=offset,
                with_payload=True,
                with_vectors=vectors,
            )
            yield from map(_point, records)
            if offset is None:
                return

    def count(self, where: Filter | None = None) -> int:
        """Exact number of points that match."""
        wanted = self._filter(where)
        answer = self._call("count", count_filter=wanted, exact=True)
        return int(answer.count)

    def search(self, name: str, vectors: DenseVector, k: int, where: Filter | None = None) -> list[list[Scored]]:
        """Nearest points by the server's graph."""
        queries = check_queries(name, vectors, k, self._spec)
        models, wanted = self._models, self._filter(where)
        params = models.SearchParams(
            hnsw_ef=max(self._options.hnsw_ef, 3 * k),
            quantization=models.QuantizationSearchParams(rescore=True, oversampling=self._options.oversampling),
        )

        def fetch(rows: DenseVector, limit: int) -> list[list[Scored]]:
            requests = [
                models.QueryRequest(
                    query=row.tolist(),
                    using=name,
                    filter=wanted,
                    params=params,
                    limit=limit,
                    with_payload=True,
                )
                for row in rows
            ]
            answers = self._call("query_batch_points", requests)
            return [_scored(answer.points) for answer in answers]

        return [
            ranked(lambda limit, row=row: fetch(row[None], limit)[0], k, found)  # type: ignore[misc]
            for row, found in zip(queries, fetch(queries, k + 1) if len(queries) else [], strict=True)
        ]

    def search_sparse(self, vector: SparseVector, k: int, where: Filter | None = None) -> list[Scored]:
        """Best points by BM25; IDF is over the points of each shard."""
        check_sparse(vector, k)
        if not vector.indices:
            return []
        terms = self._models.SparseVector(indices=list(vector.indices), values=list(vector.values))
        wanted = self._filter(where)

        def fetch(limit: int) -> list[Scored]:
            answer = self._call(
                "query_points", query=terms, using=SPARSE, query_filter=wanted, limit=limit, with_payload=True
            )
            return _scored(answer.points)

        return ranked(fetch, k)

    def close(self) -> None:
        """Let go of the connection."""
        if self._owned:
            self._client.close()

    def _prepare(self) -> None:
        """Make the collection, or check the one that is there; index payload keys before the first point."""
        if not self._call("collection_exists"):
            self._create()
        info = self._call("get_collection")
        has = {name: params.size for name, params in (info.config.params.vectors or {}).items()}
        if has != dict(self._spec.dense):
            raise CallerError(
                f"collection {self._name!r} holds the vectors {has!r} and cannot take {dict(self._spec.dense)!r}"
            )
        for key in self._spec.indexed:
            if key not in info.payload_schema:
                schema = _index_params(self._models, key)
                self._call("create_payload_index", key, field_schema=schema, wait=True)

    def _create(self) -> None:
        models, options = self._models, self._options
        self._call(
            "create_collection",
            vectors_config={
                name: models.VectorParams(size=size, distance=models.Distance.DOT)
                for name, size in self._spec.dense.items()
            },
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            shard_number=options.shards,
            replication_factor=options.replicas,
            write_consistency_factor=options.write_consistency,
            hnsw_config=models.HnswConfigDiff(m=options.m, ef_construct=options.ef_construct),
            # int8 rather than Edge's 4-bit codes: every server from 1.19 on knows it, at the same recall.
            quantization_config=models.ScalarQuantization(
                scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            ),
        )

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Ask the client, again when that failed in passing. Every request of this class may be repeated."""
        for attempt in range(1, self._options.attempts + 1):
            try:
                return getattr(self._client, method)(self._name, *arguments, **options)
            except Exception as error:
                if not _passing(error) or attempt == self._options.attempts:
                    raise ServiceError(
                        f"the Qdrant server at {self._where} failed: {type(error).__name__}: "
                        f"{str(error).splitlines()[0] if str(error) else 'no reason given'}"
                    ) from error
                _LOG.warning("try %d of %s failed: %s", attempt, self._where, type(error).__name__)
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable: attempts is 1 or more")

    def _batches(self, items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
        for start in range(0, len(items), self._options.batch):
            yield items[start : start + self._options.batch]

    def _struct(self, point: Point) -> Any:
        vectors: dict[str, Any] = {name: vector.tolist() for name, vector in point.dense.items()}
        if point.sparse:
            vectors[SPARSE] = self._models.SparseVector(
                indices=list(point.sparse.indices), values=list(point.sparse.values)
            )
        return self._models.PointStruct(id=point.id, vector=vectors, payload=dict(point.payload))

    def _filter(self, where: Filter | None) -> Any:
        if not where:
            return None
        models = self._models
        return models.Filter(
            must=[_condition(models, one) for one in where.conditions if not one.negated],
            must_not=[_condition(models, one) for one in where.conditions if one.negated],
        )


def _connect(url: str | None, api_key: str | None, options: ServerOptions) -> Any:
    from qdrant_client import QdrantClient

    try:
        return QdrantClient(url=url, api_key=api_key, timeout=options.timeout_s, check_compatibility=False)
    except (ValueError, OSError) as error:
        raise CallerError(f"store.url {url!r} is no address of a server: {error}") from None


def _passing(error: Exception) -> bool:
    """Whether a failure may be gone next time: no connection, a timeout, a server that is busy."""
    status = getattr(error, "status_code", None)
    if status is not None:
        return status in (408, 429, 500, 502, 503, 504)
    return type(error).__name__ in ("ResponseHandlingException", "ResourceExhaustedResponse") or isinstance(
        error, ConnectionError | TimeoutError
    )


def _index_params(models: Any, key: str) -> Any:
    if key == DATE_FIELD:
        return models.DatetimeIndexParams(type=models.DatetimeIndexType.DATETIME)
    return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, prefix=True if key == PATH_FIELD else None)


def _condition(models: Any, condition: Condition) -> Any:
    match condition:
        case PathPrefix(prefixes=prefixes):
            return models.Filter(
                should=[
                    models.FieldCondition(key=PATH_FIELD, match=models.MatchPrefix(prefix=prefix))
                    for prefix in prefixes
                ]
            )
        case DateRange(lower=lower, upper=upper):
            return models.FieldCondition(key=DATE_FIELD, range=models.DatetimeRange(gte=lower, lte=upper))
        case _:
            return models.FieldCondition(key=condition.field, match=models.MatchAny(any=list(condition.values)))


def _point(record: Any) -> Point:
    vectors = dict(record.vector or {})
    sparse = vectors.pop(SPARSE, None)
    return Point(
        id=_hex(record.id),
        dense={name: np.asarray(values, dtype=np.float32) for name, values in vectors.items()},
        sparse=SparseVector(indices=tuple(sparse.indices), values=tuple(sparse.values)) if sparse else None,
        payload=record.payload or {},
    )


def _scored(rows: Sequence[Any]) -> list[Scored]:
    return [Scored(id=_hex(row.id), score=float(row.score), payload=row.payload or {}) for row in rows]


def _hex(point_id: Any) -> str:
    return str(point_id).replace("-", "")
