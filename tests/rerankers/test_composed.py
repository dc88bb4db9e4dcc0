"""Intersection by hand, over hits as a composed search leaves them."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.locators import Box
from foveate.memory.filters import INDEXED
from foveate.memory.open_store import open_store
from foveate.memory.store import Point, StoreSpec
from foveate.records import Chunk, Hit, Result
from foveate.rerankers.composed import IntersectionReranker, Logistic, Rule, Sides, intersect
from foveate.retrievers.points import payload_of
from foveate.retrievers.search import Searcher, SearchQuery
from foveate.settings import StoreSettings
from tests.contracts.reranker import RerankerContract, rerank, result

EVEN = Logistic(middle=0.0, slope=1.0)
SIDES = Sides(written={"z_image": EVEN, "z_text": EVEN}, shown={"like": EVEN})
ODDS = {3: math.log(3), 9: math.log(9), 1: 0.0}
"""Scores of these odds on an even curve: 3 is 0.75, 9 is 0.9, 1 is 0.5."""


def found(name: str, score: float = 0.0, **stages: float) -> Result:
    bare = result(name, None, part="picture", score=score)
    hits = tuple(Hit(chunk_id=bare.chunk.id, score=one, stage=stage, rank=0) for stage, one in stages.items())
    return Result(chunk=bare.chunk, score=score, hits=hits)


def scores(pool: list[Result], rule: Rule = "product") -> dict[str, float]:
    return {hit.chunk_id: hit.score for hit in rerank(IntersectionReranker(SIDES, rule=rule), "?", pool)}


class TestContract(RerankerContract):
    pointwise = False

    @pytest.fixture
    def reranker(self) -> IntersectionReranker:
        return IntersectionReranker()


POOL = [
    found("both", z_image=ODDS[3], like=ODDS[3]),
    found("copy", z_image=-ODDS[9], like=ODDS[9]),
    found("told", z_image=-ODDS[9], z_text=ODDS[9], like=-ODDS[3]),
]


def test_by_hand() -> None:
    assert scores(POOL) == pytest.approx(
        {digest("both"): 0.75**2, digest("copy"): 0.1 * 0.9, digest("told"): 0.9 * 0.25}
    )
    assert scores(POOL, "least") == pytest.approx({digest("both"): 0.75, digest("copy"): 0.1, digest("told"): 0.25})


def test_what_a_side_does_not_list_is_at_most_its_last() -> None:
    pool = [*POOL, found("unlisted", z_image=ODDS[9])]
    assert scores(pool)[digest("unlisted")] == pytest.approx(0.9 * 0.25)
    assert scores(pool)[digest("both")] == pytest.approx(0.75**2)


def test_one_side_alone_counts_alone() -> None:
    assert scores([found("a", z_text=ODDS[9]), found("b", z_image=ODDS[3])]) == pytest.approx(
        {digest("a"): 0.9, digest("b"): 0.75}
    )
    assert scores([found("a", like=ODDS[9]), found("b", like=0.0)]) == pytest.approx(
        {digest("a"): 0.9, digest("b"): 0.5}
    )


def test_no_side_leaves_the_first_stage_s_order() -> None:
    hits = rerank(IntersectionReranker(SIDES), "?", [found("low", 0.1), found("high", 0.9, fused=0.9)])
    assert [hit.chunk_id for hit in hits] == [digest("high"), digest("low")]
    assert all(hit.score < 0.0 for hit in hits)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_an_intersection_is_no_likelier_than_its_parts(parts: list[float]) -> None:
    assert 0.0 <= intersect(parts, "product") <= intersect(parts, "least") <= min(parts)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_curve_rises(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= EVEN(low) <= EVEN(high) <= 1.0


def test_what_cannot_be() -> None:
    with pytest.raises(CallerError, match="'sum'; choose one of: product, least"):
        IntersectionReranker(rule="sum")  # type: ignore[arg-type]
    for slope in (0.0, -1.0, math.nan):
        with pytest.raises(CallerError, match="the slope above 0"):
            Logistic(middle=0.0, slope=slope)
    with pytest.raises(ModelError, match="score nan"):
        scores([found("a", like=math.nan)])


class Plane:
    """Pictures and words on two axes: how red, how striped."""

    name, fingerprint, dim, picture_mean = "plane", "plane-1", 3, None

    def encode_text(self, texts: list[str]) -> np.ndarray:
        return self._unit([[0.0, 1.0, 0.1] for _ in texts])

    def encode_images(self, images: list[Image.Image]) -> np.ndarray:
        return self._unit([[image.getpixel((0, 0))[channel] for channel in range(3)] for image in images])

    def tag_images(self, images: list[Image.Image], k: int = 5) -> list[list[tuple[str, float]]]:
        return [[] for _ in images]

    def _unit(self, rows: list[list[float]]) -> np.ndarray:
        array = np.array(rows, dtype=np.float32).reshape(-1, 3)
        return array / np.linalg.norm(array, axis=1, keepdims=True)


def test_over_a_real_composed_search(tmp_path: Path) -> None:
    """The stages it counts on are there, by their names, and a near copy that the words contradict does not lead."""
    encoder = Plane()
    colours = {"copy": (255, 0, 20), "both": (180, 180, 20), "told": (0, 255, 20)} | {
        f"other{place}": (20, 10 + place, 255) for place in range(30)
    }
    store = open_store(
        StoreSettings(kind="reference"),
        tmp_path / "s",
        StoreSpec(dense={"image": 3, "text": 3}, indexed=INDEXED),
    )
    for name, colour in colours.items():
        chunk = Chunk(
            id=digest(name),
            media_id=digest(name, "m"),
            kind="image",
            part="picture",
            locator=Box(x0=0, y0=0, x1=1, y1=1),
            text=None,
            paths=(f"/{name}.png",),
        )
        row = encoder.encode_images([Image.new("RGB", (1, 1), colour)])[0]
        store.upsert([Point(id=chunk.id, dense={"image": row}, payload=payload_of(chunk))])
    query = SearchQuery(text="striped", images=(Image.new("RGB", (1, 1), (255, 0, 0)),), k=20, fold=False)
    results = Searcher(store, encoder).search(query)
    assert {"like", "z_image"} <= {hit.stage for hit in results[0].hits}
    sides = Sides(shown={"like": Logistic(middle=0.5, slope=10.0)})
    hits = rerank(IntersectionReranker(sides), "striped", results)
    assert hits[0].chunk_id == digest("both")
    assert len(hits) == len(results)
    store.close()
