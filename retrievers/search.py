"""Search across modalities: dense and lexical lists, fused by rank, diversified, folded.

Stages, each measured apart: ``image`` (picture vectors), ``text`` (text vectors), ``bm25`` (words), and with a
picture in the query ``like`` (its vector against picture vectors) and ``words`` (against text vectors). The
names with ``not_`` before them are the same lists for what is unwanted. ``z_image`` and ``z_text`` say by how
many standard deviations the text query's cosine exceeds that of unrelated chunks: scores that compare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.errors import CallerError
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.filters import Filter
from foveate.memory.store import Point, Scored, Store
from foveate.records import Hit, Result
from foveate.retrievers.calibration import Background
from foveate.retrievers.fusion import maximal_marginal_relevance, near_duplicates, reciprocal_rank_fusion
from foveate.retrievers.points import chunk_of
from foveate.retrievers.protocols import Encoder

__all__ = ["WEIGHTS", "SearchQuery", "Searcher"]

_DEPTH = 100
"""Candidates a list: beyond this rank a list adds under 1/160 to a fused score."""
WEIGHTS = {"text": 1.0, "image": 0.5, "bm25": 0.3, "like": 1.0, "words": 0.5}
"""What a stage's list counts. Chosen with ``_RRF_K`` on the 20 dev questions of the sample collection, where equal
weights and k = 60 (with longer passages) found 0.65 in the top 3, and these 0.9. No dev question holds a picture:
``like`` and ``words`` follow ``text`` and ``image`` by analogy."""
_NEEDS = {"text": "text", "bm25": "text", "words": "text", "image": "image", "like": "image"}
"""What a chunk must have to be in a stage's list."""
_SEEN = frozenset({"picture", "tile", "page", "frame"})
_RRF_K = 5.0
_STRONG_Z = 1.5
"""A dense hit below this many standard deviations over the background is no better than chance: rank fusion would
still pay it for its place, and a captioned picture (in two lists) would then beat an uncaptioned one by luck."""
_TAIL_WEIGHT = 0.1
"""What such hits still count: enough to fill a page of results, too little to pass a strong one."""
_FOLD_COSINE = 0.985
"""Picture vectors this close are the same picture saved again: rescaled, recompressed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuery:
    """What to look for. Text, pictures, or both together (a composed query)."""

    text: str = ""
    images: tuple[Image, ...] = ()
    exclude: str = ""
    """What must not be in it."""
    where: Filter | None = None
    k: int = 10
    diversity: float = 0.0
    """0 is pure relevance; up to 1 trades it for variety (maximal marginal relevance)."""
    fold: bool = True
    """Show near-duplicates once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ranked:
    """One stage's list; the first ``strong`` hits stand out from the background."""

    hits: list[Scored]
    strong: int


class Searcher:
    """Searches one store with one encoder."""

    def __init__(self, store: Store, encoder: Encoder, *, weights: Mapping[str, float] | None = None) -> None:
        self._store = store
        self._encoder = encoder
        self._terms = Bm25Terms()
        self._weights = WEIGHTS | dict(weights or {})
        self._background: Background | None = None
        self._last: tuple[str, NDArray[np.float32]] | None = None

    def search(self, query: SearchQuery) -> list[Result]:
        """The best ``k`` chunks, best first.

        Raises:
            CallerError: neither text nor picture, or ``k`` below 1.
        """
        if not query.text.strip() and not query.images:
            raise CallerError("a search needs words, a picture, or both")
        if query.k < 1 or not 0.0 <= query.diversity <= 1.0:
            raise CallerError(f"k {query.k!r} must be 1 or more and diversity {query.diversity!r} in [0, 1]")
        stages = self._wanted(query)
        unwanted = self._unwanted(query)
        fused = self._fuse(stages, unwanted)[: max(4 * query.k, 40)]
        points = {point.id: point for point in self._store.get([name for name, _ in fused], vectors=True)}
        lists = {stage: ranked.hits for stage, ranked in {**stages, **unwanted}.items()}
        results = self._results(fused, lists, self._unusual(query.text, points))
        return self._refine(results, points, query)

    def _encode(self, text: str) -> NDArray[np.float32]:
        """(d) vector of a query, encoded once: each stage of a search asks for it again."""
        last = self._last
        if last is None or last[0] != text:
            self._last = last = (text, self._encoder.encode_text([text])[0])
        return last[1]

    @property
    def background(self) -> Background:
        """The collection's sample, taken on first use."""
        if self._background is None:
            self._background = Background(self._store, self._encoder.picture_mean)
        return self._background

    # ---- stages

    def _wanted(self, query: SearchQuery) -> dict[str, _Ranked]:
        stages: dict[str, _Ranked] = {}
        if query.text.strip():
            stages |= self._by_text(query.text, query.where)
        if query.images:
            rows = self._encoder.encode_images(list(query.images))
            stages["like"] = self._dense("image", rows, query.where)
            stages["words"] = self._dense("text", self.background.beyond_mean(rows), query.where)
        return stages

    def _unwanted(self, query: SearchQuery) -> dict[str, _Ranked]:
        if not query.exclude.strip():
            return {}
        return {f"not_{stage}": ranked for stage, ranked in self._by_text(query.exclude, query.where).items()}

    def _by_text(self, text: str, where: Filter | None) -> dict[str, _Ranked]:
        row = self._encode(text)[None]
        stages = {name: self._dense(name, row, where) for name in ("image", "text")}
        terms = self._terms.query(text)
        hits = self._store.search_sparse(terms, _DEPTH, where) if terms.indices else []
        return {**stages, "bm25": _Ranked(hits=hits, strong=len(hits))}

    def _dense(self, name: str, rows: NDArray[np.float32], where: Filter | None) -> _Ranked:
        # With several example pictures a chunk counts by the one it is most like.
        best: dict[str, tuple[float, Scored]] = {}
        for row, hits in zip(rows, self._store.search(name, rows, _DEPTH, where), strict=True):
            mean, sd = self.background.spread(name, row)
            for hit in hits:
                z = (hit.score - mean) / sd
                if hit.id not in best or z > best[hit.id][0]:
                    best[hit.id] = (z, hit)
        ranked = sorted(best.values(), key=lambda item: (-item[1].score, item[1].id))[:_DEPTH]
        return _Ranked(hits=[hit for _, hit in ranked], strong=sum(z >= _STRONG_Z for z, _ in ranked))

    def _fuse(self, stages: Mapping[str, _Ranked], unwanted: Mapping[str, _Ranked]) -> list[tuple[str, float]]:
        # A chunk whose own words name the unwanted thing is out; one that merely looks alike goes down.
        named = {hit.id for hit in unwanted["not_bm25"].hits} if unwanted else set()
        found = {hit.id for ranked in stages.values() for hit in ranked.hits} - named
        lists: dict[str, list[str]] = {}
        weights: dict[str, float] = {}
        for stage, ranked in {**stages, **unwanted}.items():
            names = [hit.id for hit in ranked.hits]
            weight = self._weights[stage.removeprefix("not_")]
            lists[stage] = [name for name in names[: ranked.strong] if name in found]
            weights[stage] = weight if stage in stages else -weight
            if stage in stages:
                lists[f"{stage}_tail"] = [name for name in names[ranked.strong :] if name in found]
                weights[f"{stage}_tail"] = weight * _TAIL_WEIGHT
        fused = reciprocal_rank_fusion(lists, weights=weights, k=_RRF_K)
        payloads = {hit.id: hit.payload for ranked in stages.values() for hit in ranked.hits}
        scored = [(name, score / self._possible(payloads[name], stages)) for name, score in fused]
        return sorted(scored, key=lambda item: (-item[1], item[0]))

    def _possible(self, payload: Mapping[str, Any], stages: Mapping[str, _Ranked]) -> float:
        """Summed weights of the lists a chunk can be in: what nobody described must not lose for it."""
        kinds = {name for name, there in (("text", payload.get("text")), ("image", payload["part"] in _SEEN)) if there}
        return sum(self._weights[stage] for stage in stages if _NEEDS[stage] in kinds) or 1.0

    # ---- from ids to results

    def _unusual(self, text: str, points: Mapping[str, Point]) -> dict[str, list[Scored]]:
        """Background-normalised cosines of these points, as stages ``z_image`` and ``z_text``."""
        if not text.strip():
            return {}
        query = self._encode(text)
        stages: dict[str, list[Scored]] = {}
        for name in ("image", "text"):
            mean, sd = self.background.spread(name, query)
            scored = [
                Scored(id=point.id, score=(float(point.dense[name] @ query) - mean) / sd, payload=point.payload)
                for point in points.values()
                if name in point.dense
            ]
            stages[f"z_{name}"] = sorted(scored, key=lambda hit: (-hit.score, hit.id))
        return stages

    def _results(
        self,
        fused: Sequence[tuple[str, float]],
        lists: Mapping[str, Sequence[Scored]],
        unusual: Mapping[str, Sequence[Scored]],
    ) -> list[Result]:
        stages = {**lists, **unusual}
        payloads = {hit.id: hit for hits in stages.values() for hit in hits}
        places: dict[str, list[Hit]] = {name: [] for name, _ in fused}
        for stage, hits in stages.items():
            for rank, hit in enumerate(hits):
                if hit.id in places:
                    places[hit.id].append(Hit(chunk_id=hit.id, score=hit.score, stage=stage, rank=rank))
        return [
            Result(
                chunk=chunk_of(payloads[name]),
                score=score,
                hits=(*places[name], Hit(chunk_id=name, score=score, stage="fused", rank=rank)),
            )
            for rank, (name, score) in enumerate(fused)
        ]

    def _refine(self, results: list[Result], points: Mapping[str, Point], query: SearchQuery) -> list[Result]:
        if not results or not (query.fold or query.diversity):
            return results[: query.k]
        # (n, d) picture vectors, text vectors for what has none; both live in one space.
        vectors = np.stack([_vector(points.get(result.chunk.id), self._encoder.dim) for result in results])
        if query.fold:
            results, vectors = _fold(results, vectors)
        if query.diversity:
            order = maximal_marginal_relevance(
                [result.score for result in results], vectors, query.k, balance=1.0 - query.diversity
            )
            results = [results[i] for i in order]
        return results[: query.k]


def _vector(point: Point | None, dim: int) -> NDArray[np.float32]:
    dense = point.dense if point else {}
    for name in ("image", "text"):
        if name in dense:
            return dense[name]
    return np.zeros(dim, dtype=np.float32)


def _fold(results: list[Result], vectors: NDArray[np.float32]) -> tuple[list[Result], NDArray[np.float32]]:
    """Keep one of near-equal pictures, and one of a picture and its tiles; the better placed stays."""
    pictures = np.array([result.chunk.part in ("picture", "tile", "frame") for result in results])
    keeper = near_duplicates(np.where(pictures[:, None], vectors, 0.0), threshold=_FOLD_COSINE)
    first_of: dict[str, int] = {}
    for i, result in enumerate(results):
        if result.chunk.part in ("picture", "tile"):
            family = result.chunk.parent or result.chunk.id
            keeper[i] = min(keeper[i], keeper[first_of.setdefault(family, i)])
    folded: dict[int, list[str]] = {}
    for i, kept in enumerate(keeper):
        if kept != i:
            folded.setdefault(kept, []).append(results[i].chunk.id)
    kept_rows = [i for i, kept in enumerate(keeper) if kept == i]
    kept_results = [replace(results[i], also=tuple(folded.get(i, ()))) for i in kept_rows]
    return kept_results, vectors[kept_rows]
