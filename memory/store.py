"""The vector store as the rest of foveate sees it.

The contract in words (``tests/contracts/store.py`` holds every implementation to it):

- A point has an id, named dense vectors (each may be absent), an optional sparse BM25 vector, and a payload.
- ``upsert`` replaces a point of the same id as a whole: no vector or payload key of the old one survives.
- What ``flush`` has returned for survives SIGKILL and power loss; what it has not may or may not be there.
- ``search`` ranks by cosine (vectors are unit length) and ``search_sparse`` by dot product with IDF weights
  that the store computes over all its points that have a sparse vector: ln((N - n + 0.5) / (n + 0.5) + 1).
  Both apply the filter inside the engine, never after the search, and return at most ``k`` points, best
  first, ties (scores equal to six decimals) by id. Points without the named vector are never returned. A
  sparse vector without terms is the same as none. A large store may count deleted points in IDF until it is
  optimised.
- In ``set_payload`` a None removes the key; in ``upsert`` it is a value like any other, which no filter
  matches.
- Ids that are not 32 lower-case hexadecimal digits, unknown vector names, wrong dimensions, values that are
  not finite and payloads that are not JSON raise ``CallerError``.
- One process holds a store on disk at a time; a second one gets ``CollectionBusy``. A server keeps that rule
  itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foveate.memory.filters import Filter

__all__ = ["DenseVector", "Point", "Scored", "SparseVector", "Store", "StoreSpec"]

DenseVector = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSpec:
    """What a store must hold; fixed for its life."""

    dense: Mapping[str, int]
    """Vector name -> dimensions, for example ``{"image": 640, "text": 640}``."""
    indexed: tuple[str, ...] = ()
    """Payload keys that filters use; the engine indexes them before the first point."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SparseVector:
    """Term ids and weights of a text, without IDF."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One stored chunk."""

    id: str
    """32 hexadecimal digits, as :mod:`foveate.ids` makes them."""
    dense: Mapping[str, DenseVector] = field(default_factory=dict)
    """Unit float32 vectors by name."""
    sparse: SparseVector | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    """JSON values only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A point found, with its score."""

    id: str
    score: float
    payload: Mapping[str, Any]


class Store(Protocol):
    """See the module docstring for the contract."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points."""

    def set_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        """Set these payload keys on these points, remove those set to None; other keys stay.

        Unknown ids are passed over.
        """

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are passed over."""

    def flush(self) -> None:
        """Return once everything before is durable."""

    def optimize(self) -> None:
        """Build or refresh the search index; search is right without it, only slower."""

    def get(self, ids: Sequence[str], *, vectors: bool = False) -> list[Point]:
        """The points that exist, in the order asked for; vectors only when wanted."""

    def scroll(self, where: Filter | None = None, *, vectors: bool = False) -> Iterator[Point]:
        """Every point that matches, ordered by id, streamed."""

    def count(self, where: Filter | None = None) -> int:
        """Exact number of points that match."""

    def search(self, name: str, vectors: DenseVector, k: int, where: Filter | None = None) -> list[list[Scored]]:
        """Nearest points by cosine for each query.

        Args:
            name: which named vector.
            vectors: (q, d) unit float32.
            k: how many, 1 or more.
            where: points to consider.

        Returns:
            One list for each of the q queries, in order.
        """

    def search_sparse(self, vector: SparseVector, k: int, where: Filter | None = None) -> list[Scored]:
        """Best points by BM25: sum over shared terms of IDF x weight x weight."""

    def close(self) -> None:
        """Flush and let go of the files or the connection; closing twice is fine."""
