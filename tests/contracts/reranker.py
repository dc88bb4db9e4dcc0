"""What every reranker must do. Subclass ``RerankerContract`` and provide the fixture ``reranker``.

Flags say what kind it is: ``pointwise`` (company changes no score), ``cuts`` (what is irrelevant may be left out).
``question`` and ``results`` may be set to what the reranker needs; the twins of ``TWINS`` must stay alike.
"""

import asyncio
import math
import random
from collections.abc import Sequence
from typing import ClassVar

import pytest

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.locators import Box, CharSpan, Locator, PageBox, TimeSpan
from foveate.records import Chunk, Hit, MediaKind, Part, Result
from foveate.rerankers.protocols import Reranker

_WHOLE = Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0)
_PLACES: dict[Part, tuple[MediaKind, Locator]] = {
    "passage": ("document", CharSpan(start=0, end=9)),
    "page": ("document", PageBox(page=1, x0=0.0, y0=0.0, x1=1.0, y1=1.0)),
    "picture": ("image", _WHOLE),
    "tile": ("image", Box(x0=0.0, y0=0.0, x1=0.5, y1=0.5)),
    "ocr": ("image", Box(x0=0.1, y0=0.1, x1=0.5, y1=0.2)),
    "frame": ("film", TimeSpan(start_s=1.0, end_s=2.0)),
    "subtitle": ("film", TimeSpan(start_s=3.0, end_s=4.0)),
}


def result(
    name: str, text: str | None, *, part: Part = "passage", score: float = 0.0, z: float | None = None
) -> Result:
    """A result whose ids are digests of ``name``.

    Args:
        name: what tells it from others.
        text: the chunk's own.
        part: kind and locator follow from it.
        score: of the first stage.
        z: its ``z_image`` hit, where there is one.
    """
    kind, locator = _PLACES[part]
    chunk = Chunk(
        id=digest(name),
        media_id=digest(name, "media"),
        kind=kind,
        part=part,
        locator=locator,
        text=text,
        paths=(f"/sample/{name}",),
    )
    hits = [Hit(chunk_id=chunk.id, score=score, stage="fused", rank=0)]
    if z is not None:
        hits.append(Hit(chunk_id=chunk.id, score=z, stage="z_image", rank=0))
    return Result(chunk=chunk, score=score, hits=tuple(hits))


RESULTS = (
    result("museum", "The museum opens at ten. It was founded in 1931.", score=0.9),
    result("bread", "Bread is baked hot.", score=0.8),
    result("harbour", "A grey harbour with three ships.", part="picture", score=0.7, z=3.0),
    result("crane", "A crane above the quay.", part="tile", score=0.6, z=1.0),
    result("tickets", "Tickets: adults 5, children 2. Open from 10 to 18.", part="page", score=0.5),
    result("frame", "A ferry leaves the pier.", part="frame", score=0.4, z=0.5),
    result("said", "We open at ten, as every day.", part="subtitle", score=0.3),
    result("sign", "OPEN 10-18", part="ocr", score=0.2),
    result("twin", "The museum opens at ten. It was founded in 1931.", score=0.9),
)
TWINS = (digest("museum"), digest("twin"))


def rerank(reranker: Reranker, question: str, results: Sequence[Result]) -> list[Hit]:
    """One call in an event loop of its own."""
    return asyncio.run(reranker.rerank(question, results))


class RerankerContract:
    pointwise: ClassVar[bool] = True
    """A candidate's score does not depend on its company, and equal candidates score alike."""
    cuts: ClassVar[bool] = False
    """What is irrelevant may be left out."""
    question: ClassVar[str] = "When does the museum open?"
    results: ClassVar[Sequence[Result]] = RESULTS
    tolerance: ClassVar[float] = 1e-4

    def test_hits_are_well_formed(self, reranker: Reranker) -> None:
        hits = rerank(reranker, self.question, self.results)
        given, returned = [one.chunk.id for one in self.results], [hit.chunk_id for hit in hits]
        assert len(set(returned)) == len(returned)
        assert set(returned) <= set(given)
        if not self.cuts:
            assert set(returned) == set(given)
        assert [hit.rank for hit in hits] == list(range(len(hits)))
        assert all(hit.stage == "rerank" and math.isfinite(hit.score) for hit in hits)
        assert [(hit.score, hit.chunk_id) for hit in hits] == sorted(
            ((hit.score, hit.chunk_id) for hit in hits), key=lambda pair: (-pair[0], pair[1])
        ), "best first, ties by id"

    def test_shuffling_changes_nothing(self, reranker: Reranker) -> None:
        expected = rerank(reranker, self.question, self.results)
        for seed in range(3):
            shuffled = list(self.results)
            random.Random(seed).shuffle(shuffled)
            hits = rerank(reranker, self.question, shuffled)
            assert [hit.chunk_id for hit in hits] == [hit.chunk_id for hit in expected]
            assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=self.tolerance)

    def test_scores_stay_with_their_ids(self, reranker: Reranker) -> None:
        """The trap of zipping sorted scores onto unsorted candidates: the reversed pool shows it."""
        forth = {hit.chunk_id: hit.score for hit in rerank(reranker, self.question, self.results)}
        back = {hit.chunk_id: hit.score for hit in rerank(reranker, self.question, self.results[::-1])}
        assert back == pytest.approx(forth, abs=self.tolerance)

    def test_company_changes_no_score(self, reranker: Reranker) -> None:
        if not self.pointwise:
            pytest.skip("compares candidates with each other")
        together = {hit.chunk_id: hit.score for hit in rerank(reranker, self.question, self.results)}
        for size in (1, 2, 5):
            for start in range(0, len(self.results), size):
                for hit in rerank(reranker, self.question, self.results[start : start + size]):
                    assert hit.score == pytest.approx(together[hit.chunk_id], abs=self.tolerance)

    def test_equal_candidates_are_ordered_by_id(self, reranker: Reranker) -> None:
        if not self.pointwise:
            pytest.skip("compares candidates with each other")
        hits = [hit for hit in rerank(reranker, self.question, self.results) if hit.chunk_id in TWINS]
        assert [hit.chunk_id for hit in hits] == sorted(hit.chunk_id for hit in hits)
        assert len({hit.score for hit in hits}) <= 1

    def test_one_candidate(self, reranker: Reranker) -> None:
        (hit, *more) = rerank(reranker, self.question, self.results[:1]) or [None]
        assert not more
        if hit is None:
            assert self.cuts
        else:
            assert (hit.chunk_id, hit.rank, hit.stage) == (self.results[0].chunk.id, 0, "rerank")

    def test_nothing_in_nothing_out(self, reranker: Reranker) -> None:
        assert rerank(reranker, self.question, []) == []

    def test_a_chunk_given_twice_is_refused(self, reranker: Reranker) -> None:
        with pytest.raises(CallerError, match=self.results[1].chunk.id):
            rerank(reranker, self.question, [*self.results, self.results[1]])

    def test_the_pool_is_left_as_it_was(self, reranker: Reranker) -> None:
        pool = list(self.results)
        rerank(reranker, self.question, pool)
        assert pool == list(self.results)

    def test_it_is_named(self, reranker: Reranker) -> None:
        assert isinstance(reranker.name, str) and reranker.name
