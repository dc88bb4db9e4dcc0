"""Search on the exact store with the weightless encoder: every expected order follows by hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.locators import Box, CharSpan
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.filters import INDEXED, parse
from foveate.memory.open_store import open_store
from foveate.memory.store import Point, Store, StoreSpec
from foveate.records import Chunk, Part
from foveate.retrievers.calibration import Background
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.points import chunk_of, payload_of
from foveate.retrievers.search import Searcher, SearchQuery
from foveate.settings import StoreSettings

ENCODER = HashedEncoder()
TERMS = Bm25Terms()
WHOLE = Box(x0=0, y0=0, x1=1, y1=1)


def picture(
    name: str, colour: str, caption: str | None = None, part: Part = "picture", parent: str | None = None
) -> Point:
    chunk = Chunk(
        id=digest(name),
        media_id=digest("media", name),
        kind="image",
        part=part,
        locator=WHOLE,
        text=caption,
        paths=(f"/pics/{name}.png",),
        format="png",
        date="2024-05-01T10:00:00" if colour == "red" else None,
        parent=parent,
    )
    dense = {"image": ENCODER.encode_images([Image.new("RGB", (8, 8), colour)])[0]}
    if caption:
        dense["text"] = ENCODER.encode_text([caption])[0]
    return Point(
        id=chunk.id, dense=dense, sparse=TERMS.document(caption) if caption else None, payload=payload_of(chunk)
    )


def passage(name: str, text: str) -> Point:
    chunk = Chunk(
        id=digest(name),
        media_id=digest("media", name),
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=len(text)),
        text=text,
        paths=(f"/docs/{name}.md",),
        format="markdown",
    )
    dense = {"text": ENCODER.encode_text([text])[0]}
    return Point(id=chunk.id, dense=dense, sparse=TERMS.document(text), payload=payload_of(chunk))


POINTS = [
    picture("apple", "red", "an apple on a table"),
    picture("fire", "red"),
    picture("lake", "blue", "a calm lake under the sky"),
    picture("grass", "green"),
    passage("lakes", "The lake is forty metres deep."),
    passage("bread", "Bread is baked at high heat."),
]


@pytest.fixture(params=["reference", "edge"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    opened = open_store(StoreSettings(kind=request.param), tmp_path / "store", spec)
    opened.upsert(POINTS)
    opened.flush()
    yield opened
    opened.close()


def found(store: Store, **query: object) -> list[str]:
    results = Searcher(store, ENCODER).search(SearchQuery(**query))  # type: ignore[arg-type]
    return [result.chunk.path.rsplit("/", 1)[-1].split(".")[0] for result in results]


def test_text_to_picture_without_caption(store: Store) -> None:
    results = Searcher(store, ENCODER).search(SearchQuery(text="green", where=parse("kind:image"), k=6, fold=False))
    best = next(result for result in results if (hit := result.hit("image")) and hit.rank == 0)
    assert best.chunk.path == "/pics/grass.png" and best.chunk.text is None


def test_text_to_text(store: Store) -> None:
    assert set(found(store, text="lake", k=2)) == {"lake", "lakes"}


def test_picture_to_picture_and_to_text(store: Store) -> None:
    red = Image.new("RGB", (8, 8), "red")
    assert set(found(store, images=(red,), k=2, fold=False)) == {"apple", "fire"}


def test_composed_query_wants_both(store: Store) -> None:
    red = Image.new("RGB", (8, 8), "red")
    assert found(store, text="apple table", images=(red,), k=1) == ["apple"]


def test_unwanted_words_drop_a_chunk(store: Store) -> None:
    assert "lakes" in found(store, text="lake", k=6)
    assert "lakes" not in found(store, text="lake", exclude="metres", k=6)


def test_unwanted_colour_pushes_down(store: Store) -> None:
    plain = found(store, text="red green", k=6)
    without = found(store, text="red green", exclude="green", k=6)
    assert without.index("grass") > plain.index("grass")


def test_filters_inside(store: Store) -> None:
    assert found(store, text="lake", where=parse("kind:image"), k=6)[0] == "lake"
    assert "lakes" not in found(store, text="lake", where=parse("kind:image"), k=6)
    assert set(found(store, text="red", where=parse("date:2024-05"), k=6, fold=False)) == {"apple", "fire"}
    assert set(found(store, text="anything", where=parse("path:docs/"), k=6)) == {"lakes", "bread"}


def test_near_duplicates_fold(store: Store) -> None:
    results = Searcher(store, ENCODER).search(SearchQuery(text="red", k=6))
    reds = [result for result in results if result.chunk.path in ("/pics/apple.png", "/pics/fire.png")]
    assert len(reds) == 1 and len(reds[0].also) == 1
    assert len(found(store, text="red", k=6, fold=False)) == 6


def test_tiles_fold_into_one(store: Store) -> None:
    store.upsert([picture("corner", "yellow", part="tile", parent=digest("grass"))])
    results = Searcher(store, ENCODER).search(SearchQuery(text="yellow green", k=6))
    family = [result for result in results if result.chunk.id in (digest("grass"), digest("corner"))]
    assert len(family) == 1


def test_every_stage_is_kept(store: Store) -> None:
    first = Searcher(store, ENCODER).search(SearchQuery(text="calm lake sky", k=1))[0]
    assert {"image", "text", "bm25", "fused", "z_image", "z_text"} <= {hit.stage for hit in first.hits}
    hit = first.hit("text")
    row = ENCODER.encode_text(["calm lake sky"])[0]
    assert hit and hit.score == pytest.approx(
        float(row @ ENCODER.encode_text(["a calm lake under the sky"])[0]), abs=1e-4
    )


def test_diversity_changes_the_order(store: Store) -> None:
    near = found(store, text="lake", k=3, diversity=0.0)
    varied = found(store, text="lake", k=3, diversity=1.0)
    assert near[0] == varied[0] and near != varied


def test_bad_queries(store: Store) -> None:
    searcher = Searcher(store, ENCODER)
    with pytest.raises(CallerError, match="words, a picture, or both"):
        searcher.search(SearchQuery(text="  "))
    with pytest.raises(CallerError, match="k 0"):
        searcher.search(SearchQuery(text="a", k=0))
    with pytest.raises(CallerError, match="diversity"):
        searcher.search(SearchQuery(text="a", diversity=1.5))


def test_empty_store(tmp_path: Path) -> None:
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    store = open_store(StoreSettings(kind="reference"), tmp_path / "store", spec)
    assert Searcher(store, ENCODER).search(SearchQuery(text="lake")) == []
    store.close()


def test_payload_round_trip() -> None:
    for point in POINTS:
        assert payload_of(chunk_of(point)) == point.payload


def test_background_ignores_the_answers_it_holds(tmp_path: Path) -> None:
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    store = open_store(StoreSettings(kind="reference"), tmp_path / "store", spec)
    store.upsert([passage(f"p{i}", f"word{i} other{i} third{i}") for i in range(60)])
    store.upsert([passage(f"hit{i}", "lighthouse") for i in range(3)])
    background = Background(store)
    row = ENCODER.encode_text(["lighthouse"])[0]
    mean, sd = background.spread("text", row)
    assert abs(mean) < 0.1 and 0.02 < sd < 0.2
    assert background.z("text", row, 1.0) > 5
    assert background.z("image", row, 0.105) == 0.0  # no pictures here: the prior's mean
    store.close()
    assert np.isfinite(sd)


def embedded(name: str, kind: str, row: np.ndarray) -> Point:
    point = picture(name, "red", caption=None) if kind == "image" else passage(name, name)
    return Point(id=point.id, dense={kind: row.astype(np.float32)}, sparse=None, payload=point.payload)


def test_a_text_that_is_near_every_picture_is_not_near_one(tmp_path: Path) -> None:
    """A hub: every picture shares a direction, and one text lies along it."""
    rng = np.random.default_rng(0)
    shared = np.eye(ENCODER.dim)[0]
    own = rng.standard_normal((80, ENCODER.dim)) * 0.05
    pictures = shared + own
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    texts = 0.3 * shared + own
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    texts[0] = shared
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    store = open_store(StoreSettings(kind="reference"), tmp_path / "store", spec)
    store.upsert([embedded(f"p{i}", "image", row) for i, row in enumerate(pictures)])
    raw = (pictures @ texts.T).argmax(axis=1)
    assert (raw[1:] == 0).mean() > 0.9
    apart = Background(store).beyond_mean(pictures.astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(apart, axis=1), 1.0, atol=1e-5)
    assert ((apart @ texts.T).argmax(axis=1)[1:] == np.arange(1, 80)).mean() > 0.9
    # Without a picture in the collection, the encoder's own mean does the same.
    bare = open_store(StoreSettings(kind="reference"), tmp_path / "bare", spec)
    bare.upsert([embedded(f"t{i}", "text", row) for i, row in enumerate(texts)])
    rows = pictures.astype(np.float32)
    assert np.array_equal(Background(bare).beyond_mean(rows), rows / np.linalg.norm(rows, axis=1, keepdims=True))
    told = Background(bare, rows.mean(axis=0)).beyond_mean(rows)
    assert ((told @ texts.T).argmax(axis=1)[1:] == np.arange(1, 80)).mean() > 0.9
    store.close()
    bare.close()


def test_a_picture_alone_in_its_collection_still_searches(tmp_path: Path) -> None:
    """Its own vector is the collection's mean: little of it is taken away."""
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    store = open_store(StoreSettings(kind="reference"), tmp_path / "store", spec)
    point = picture("only", "red", caption="a red barn")
    store.upsert([point, passage("other", "a blue sea")])
    row = point.dense["image"][None]
    apart = Background(store).beyond_mean(row)
    np.testing.assert_allclose(apart, row, atol=1e-5)
    store.close()
