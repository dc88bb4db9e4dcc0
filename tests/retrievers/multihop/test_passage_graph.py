"""The graph of a real store: edges by hand, any order, updates, the file and its damage."""

import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foveate.errors import CallerError, CollectionCorrupt, MediaError
from foveate.ids import digest
from foveate.memory.filters import Filter
from foveate.memory.reference import ReferenceStore
from foveate.memory.store import Point
from foveate.records import Chunk
from foveate.retrievers.multihop.passage_graph import PassageGraph, fingerprint
from foveate.retrievers.multihop.pseudo_questions import ClozeAsker, Passage, Questions
from tests.retrievers.multihop.making import ENCODER, passage, picture, store_of, texts

TEXTS = {
    "museum": "The harbour museum was founded by Agnes Tolliver in 1931.",
    "tolliver": "Agnes Tolliver was born in Whitby in 1888.",
    "whitby": "Whitby lies on the coast of Yorkshire.",
    "bread": "Bread is baked at 230 degrees for forty minutes.",
}
NAME = {digest(name): name for name in TEXTS}
SENTENCES = (
    "Agnes Tolliver was born in Whitby.",
    "Whitby lies in Yorkshire.",
    "The museum of Björn Stone opened in Whitby in 1931.",
    "Bread is baked by Björn Stone.",
    "a red kite",
    "",
)
collections = st.lists(st.lists(st.sampled_from(SENTENCES), max_size=3).map(" ".join), max_size=6)


class Counting(ClozeAsker):
    """Counts what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def ask(self, passages: list[Passage]) -> list[Questions]:  # type: ignore[override]
        self.asked += len(passages)
        return super().ask(passages)


def build(said: dict[str, str]) -> PassageGraph:
    return PassageGraph.build(texts(said), ENCODER, ClozeAsker())


def shape(graph: PassageGraph) -> list[tuple[str, str, str, str, float]]:
    return [
        (way.source, way.target, way.raised.text, way.answered.text, way.score)
        for name in graph.ids
        for way in graph.ways(name)
    ]


def test_four_passages_by_hand() -> None:
    graph = build(TEXTS)
    ways = {(NAME[way.source], NAME[way.target]): way for name in graph.ids for way in graph.ways(name)}
    # The museum raises Agnes Tolliver, Agnes Tolliver raises Whitby, Whitby raises Yorkshire, which nobody answers;
    # and each of these answers who or what is tied to what it names.
    assert set(ways) == {("museum", "tolliver"), ("tolliver", "whitby")}
    way = ways["museum", "tolliver"]
    assert way.raised.text == f"What about Agnes Tolliver? {TEXTS['museum']}"
    assert way.answered.text == "Agnes Tolliver was born in what in 1888?"
    rows = ENCODER.encode_text([TEXTS["museum"], TEXTS["tolliver"]]).astype(np.float16).astype(np.float32)
    assert way.score == pytest.approx((float(rows[0] @ rows[1]) + 1.0) / 2, abs=2e-6)  # the keywords are the same two
    assert graph.ways(digest("bread")) == [] == graph.ways("0" * 32)
    assert digest("bread") in graph and "0" * 32 not in graph


def test_empty_collection() -> None:
    graph = build({})
    assert graph.ids == () and graph.edges == () and graph.info()["chunks"] == 0


def test_pictures_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    red, blue = tmp_path / "red.png", tmp_path / "blue.png"
    Image.new("RGB", (8, 8), "red").save(red)
    Image.new("RGB", (8, 8), (40, 70, 210)).save(blue)
    chunks = [picture("red", red), picture("blue", blue, "a red door in Whitby"), picture("gone", tmp_path / "no.png")]
    looked: list[str] = []

    def look(chunk: Chunk) -> Image.Image:
        looked.append(chunk.path)
        if not Path(chunk.path).exists():
            raise MediaError("gone")
        return Image.open(chunk.path)

    with caplog.at_level(logging.INFO):
        graph = PassageGraph.build(store_of(chunks), ENCODER, ClozeAsker(), look=look)
    assert sorted(looked) == sorted([str(red), str(tmp_path / "no.png")])  # what has a caption is not looked at
    assert "gone" in caplog.text
    assert {(way.source, way.target) for name in graph.ids for way in graph.ways(name)} <= {
        (digest(one), digest(other)) for one in ("red", "blue") for other in ("red", "blue") if one != other
    }
    mute = [one.question.text for one in graph.raised if graph.ids[one.owner] == digest("red")]
    assert mute == ["What about red?"]


def test_pictures_are_rendered_from_their_files(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (400, 300), (220, 30, 30)).save(path)
    said = passage("dye", "Red is a colour. Red was dyed with madder.")
    graph = PassageGraph.build(store_of([picture("red", path), said]), ENCODER, ClozeAsker())
    assert [way.target for way in graph.ways(digest("red"))] == [digest("dye")]


def test_a_passage_of_100_000_characters() -> None:
    graph = build({**TEXTS, "long": "Agnes Tolliver met Björn Stone near Whitby in 1931 " * 2_100})
    assert any(way.target == digest("whitby") for way in graph.ways(digest("long")))


def test_duplicates_lead_neither_to_each_other_nor_twice_to_one() -> None:
    graph = build({**TEXTS, "again": TEXTS["tolliver"], "spaced": TEXTS["tolliver"].replace(" ", "  ").upper()})
    copies = {digest("tolliver"), digest("again"), digest("spaced")}
    assert all(way.target not in copies for name in copies for way in graph.ways(name))
    assert len([way for way in graph.ways(digest("museum")) if way.target in copies]) == 1


@given(collections)
@settings(max_examples=30, deadline=None)
def test_edges_lead_to_other_chunks(said: list[str]) -> None:
    graph = build({str(i): text for i, text in enumerate(said)})
    for name in graph.ids:
        for way in graph.ways(name):
            assert way.source == name != way.target and way.target in graph
            assert set(way.raised.keywords) & set(way.answered.keywords)
            assert 0 < way.score <= 1.001


class Shuffled(ReferenceStore):
    """Gives its points in another order."""

    def scroll(self, where: Filter | None = None, *, vectors: bool = False) -> Iterator[Point]:
        points = list(super().scroll(where, vectors=vectors))
        random.Random(1).shuffle(points)
        return iter(points)


@given(collections)
@settings(max_examples=30, deadline=None)
def test_order_does_not_count(said: list[str]) -> None:
    store = texts({str(i): text for i, text in enumerate(said)})
    first = PassageGraph.build(store, ENCODER, ClozeAsker())
    store.__class__ = Shuffled
    assert shape(PassageGraph.build(store, ENCODER, ClozeAsker())) == shape(first)


@given(collections, st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_an_update_is_a_build(said: list[str], first: int, last: int) -> None:
    named = {str(i): text for i, text in enumerate(said)}
    before = build({name: named[name] for name in list(named)[:first]})
    store = texts({name: named[name] for name in list(named)[min(first, last) // 2 :]})
    whole = PassageGraph.build(store, ENCODER, ClozeAsker())
    assert shape(before.update(store, ENCODER, ClozeAsker())) == shape(whole)


def test_an_update_asks_about_new_chunks_only() -> None:
    before = build(TEXTS)
    asker, steps = Counting(), []
    store = texts({**TEXTS, "stone": "Björn Stone met Agnes Tolliver."})
    after = before.update(store, ENCODER, asker, progress=lambda *step: steps.append(step))
    assert asker.asked == 1 and steps == [("asking", 1, 1), ("encoding", 1, 1)]
    assert digest("tolliver") in [way.target for way in after.ways(digest("stone"))]
    other = Counting()
    other.name = "another"
    assert before.update(store, ENCODER, other).asker == "another" and other.asked == 5


def test_file(tmp_path: Path) -> None:
    graph = build(TEXTS | {"odd": "A \u2028 line of \U0001f6a2 Whitby, said Björn Stone."})
    graph.save(tmp_path / "graph")
    read = PassageGraph.load(tmp_path / "graph")
    assert shape(read) == shape(graph) and read.info() == graph.info() and read.same == graph.same
    store = texts(TEXTS | {"odd": "?"})
    assert read.fingerprint == fingerprint(store, ENCODER)
    store.upsert([])
    assert read.fingerprint != fingerprint(texts(TEXTS), ENCODER)
    smaller = build(TEXTS)
    smaller.save(tmp_path / "graph")
    assert len(list((tmp_path / "graph").iterdir())) == 2  # the old arrays are gone
    assert shape(PassageGraph.load(tmp_path / "graph")) == shape(smaller)


def test_empty_graph_has_a_file(tmp_path: Path) -> None:
    build({}).save(tmp_path)
    assert PassageGraph.load(tmp_path).ids == ()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="foveate graph build"):
        PassageGraph.load(tmp_path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 0xFF
    path.write_bytes(raw)


@pytest.mark.parametrize("harm", [_cut, _flip, lambda path: path.unlink()])
def test_damaged_arrays(tmp_path: Path, harm: object) -> None:
    build(TEXTS).save(tmp_path)
    (arrays,) = tmp_path.glob("arrays-*")
    harm(arrays)  # type: ignore[operator]
    with pytest.raises(CollectionCorrupt, match="damaged"):
        PassageGraph.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"ids": ["x"]},
        {"ids": None},
        {"raised": [[9, 0, "?", ["x"]]]},
        {"raised": [[0, -1, "?", ["x"]]]},
        {"answered": []},
        {"meanings": []},
        {"arrays": {"file": "../../etc/passwd", "bytes": 1, "sha256": "0" * 64}},
        {"arrays": 3},
        {"encoder": None, "same": 5},
    ],
)
def test_damaged_facts(tmp_path: Path, change: dict[str, object]) -> None:
    build(TEXTS).save(tmp_path)
    facts = tmp_path / "graph.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | change))
    with pytest.raises(CollectionCorrupt, match="damaged"):
        PassageGraph.load(tmp_path)


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_facts_that_are_no_json(tmp_path: Path, raw: bytes) -> None:
    build(TEXTS).save(tmp_path)
    (tmp_path / "graph.json").write_bytes(raw)
    with pytest.raises(CollectionCorrupt, match="damaged"):
        PassageGraph.load(tmp_path)
