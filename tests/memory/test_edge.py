import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from foveate.errors import CallerError, CollectionBusy, CollectionCorrupt, ServiceError
from foveate.memory import edge_engine
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.edge import EdgeStore
from foveate.memory.filters import parse
from foveate.memory.reference import ReferenceStore
from foveate.memory.store import Point, StoreSpec
from tests.contracts.store import SPEC, Opener, StoreContract, ids, image_point, name, unit
from tests.memory.durability import kill_at_random
from tests.memory.machine import run_machine


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: making a shard syncs about 500 times."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as made:
        yield Path(made)


class TestEdgeStore(StoreContract):
    @pytest.fixture
    def opener(self, folder: Path) -> Opener:
        return lambda: EdgeStore(SPEC, folder / "store")


def test_any_order_of_operations(folder: Path) -> None:
    numbers = itertools.count()

    def fresh() -> Opener:
        directory = folder / str(next(numbers))
        return lambda: EdgeStore(SPEC, directory)

    run_machine(fresh, examples=12, steps=20)


def test_what_flush_returned_for_survives_sigkill(folder: Path) -> None:
    kill_at_random("edge", folder, lambda: EdgeStore(SPEC, folder), kills=4, seed=3)


def test_only_changes_are_flushed(folder: Path) -> None:
    store = EdgeStore(SPEC, folder / "store")
    shard, flushed = store._shard, 0

    def flush() -> None:
        nonlocal flushed
        flushed += 1
        shard.flush()

    store._shard = SimpleNamespace(update=shard.update, flush=flush, optimize=shard.optimize, info=shard.info)
    store._shard.retrieve = shard.retrieve
    for change in (
        lambda: None,  # what opening replayed
        lambda: store.upsert([image_point(1)]),
        lambda: store.set_payload([name(1)], {"kind": "film"}),
        lambda: store.delete([name(1)]),
    ):
        change()
        before = flushed
        for _ in range(3):
            store.flush()
            store.optimize()
        assert flushed == before + 1
    store._shard = shard
    store.close()


def test_bm25_equals_the_reference_store(folder: Path) -> None:
    """The pin between Edge's ``Modifier.Idf`` and the formula the reference store writes out."""
    words = "harbour gull rope crane net tide mast keel anchor sail buoy pier".split()
    rng = np.random.default_rng(4)
    terms = Bm25Terms()
    points = [
        Point(id=name(n), sparse=terms.document(" ".join(rng.choice(words, size=rng.integers(1, 30)))))
        for n in range(120)
    ]
    edge, reference = EdgeStore(SPEC, folder / "store"), ReferenceStore(SPEC)
    for store in (edge, reference):
        store.upsert(points)
        store.upsert(points[:30])
        store.delete([name(n) for n in range(100, 120)])
    for query in ("gull", "the gulls over harbours", "rope crane tide mast", "nothing known"):
        ours, theirs = (store.search_sparse(terms.query(query), 15) for store in (edge, reference))
        assert ids(ours) == ids(theirs)
        assert [one.score for one in ours] == pytest.approx([one.score for one in theirs], rel=1e-5)
    edge.close()


@pytest.mark.parametrize(("codes", "optimized"), [("turbo4", True), ("turbo4", False), ("int8", True), ("none", True)])
def test_graph_and_codes_find_what_exact_search_finds(folder: Path, codes: edge_engine.Codes, optimized: bool) -> None:
    """6,000 points are past the limit of exact search, so this walks the graph or scans the codes."""
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(6_000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    spec = StoreSpec(dense={"text": 32}, indexed=("kind",))
    store = EdgeStore(spec, folder / "store", codes=codes, ef_construct=64)
    kinds = ("image", "document", "film")
    store.upsert(
        [Point(id=f"{n:032x}", dense={"text": one}, payload={"kind": kinds[n % 3]}) for n, one in enumerate(vectors)]
    )
    if optimized:
        store.optimize()
    graphs = list((folder / "store").glob("shard/segments/*/vector_index-text/graph.bin"))
    assert bool(graphs) is optimized
    for where, rows in ((None, np.arange(6_000)), (parse("kind:film"), np.arange(2, 6_000, 3))):
        queries = vectors[:100] + rng.normal(scale=0.05, size=(100, 32)).astype(np.float32)
        found = store.search("text", queries, 10, where)
        truth = rows[np.argsort(-(queries @ vectors[rows].T), axis=1)[:, :10]]
        hits = sum(len({int(i, 16) for i in ids(a)} & set(b.tolist())) for a, b in zip(found, truth, strict=True))
        assert hits >= 950, f"recall {hits / 1000}"
        # Scores are the floats', not the codes'.
        assert found[0][0].score == pytest.approx(float(queries[0] @ vectors[int(found[0][0].id, 16)]), abs=1e-5)
    late = Point(id="f" * 32, dense={"text": queries[0] / np.linalg.norm(queries[0])}, payload={"kind": "film"})
    store.upsert([late])
    assert ids(store.search("text", queries[:1], 1)[0]) == [late.id]
    store.close()
    again = EdgeStore(spec, folder / "store", codes=codes)
    assert ids(again.search("text", queries[:1], 1)[0]) == [late.id]
    again.close()


def test_a_damaged_shard_is_named_with_the_way_out(folder: Path) -> None:
    EdgeStore(SPEC, folder / "store").close()
    whole = folder / "whole"
    shutil.copytree(folder / "store", whole)
    segment = next((folder / "store" / "shard" / "segments").glob("*/segment.json"))
    for broken in (segment, folder / "store" / "shard" / "edge_config.json", folder / "store" / "store.json"):
        broken.write_text('{"torn')
        for _ in range(2):
            with pytest.raises(CollectionCorrupt, match="foveate index") as caught:
                EdgeStore(SPEC, folder / "store")
            assert str(folder / "store") in str(caught.value)
        shutil.rmtree(folder / "store")
        shutil.copytree(whole, folder / "store")
    shutil.rmtree(folder / "store" / "shard")
    with pytest.raises(CollectionCorrupt):
        EdgeStore(SPEC, folder / "store")


def test_a_shard_whose_making_was_cut_short_is_made_again(folder: Path) -> None:
    EdgeStore(SPEC, folder / "store").close()
    (folder / "store" / "store.json").unlink()
    shutil.rmtree(next((folder / "store" / "shard" / "segments").iterdir()))
    store = EdgeStore(SPEC, folder / "store")
    store.upsert([image_point(1)])
    store.close()
    (folder / "store" / "store.json").unlink()
    store = EdgeStore(SPEC, folder / "store")
    assert store.count() == 1, "a shard with points is kept even when store.json was lost"
    store.close()


def test_other_vectors_than_it_was_made_with_are_refused(folder: Path) -> None:
    EdgeStore(SPEC, folder / "store").close()
    with pytest.raises(CallerError, match="holds the vectors"):
        EdgeStore(StoreSpec(dense={"image": 9, "text": 16}), folder / "store")
    with pytest.raises(CallerError, match="bm25"):
        EdgeStore(StoreSpec(dense={"bm25": 9}), folder / "other")
    with pytest.raises(CallerError, match="turbo4"):
        EdgeStore(SPEC, folder / "other", codes="turbo5")  # type: ignore[arg-type]


def test_a_full_disk_is_refused_before_the_engine_meets_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore(SPEC, folder / "store")
    store.upsert([image_point(1)])
    with monkeypatch.context() as patch:
        patch.setattr(edge_engine.shutil, "disk_usage", lambda path: SimpleNamespace(free=10 << 20))
        with pytest.raises(ServiceError, match="10 MB are free"):
            store.upsert([image_point(2)])
        with pytest.raises(ServiceError, match="is full"):
            store.optimize()
        assert store.count() == 1
    store.upsert([image_point(2)])
    assert store.count() == 2
    store.close()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("failed to open WAL: Kind(WouldBlock)", CollectionBusy),
        ("IO Error: No space left on device (os error 28)", ServiceError),
        ("something else", ServiceError),
        ("", ServiceError),
    ],
)
def test_engine_errors_become_ours(text: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught, edge_engine.faults(Path("/x")):
        raise Exception(text)
    assert type(caught.value) is error


def test_a_panic_is_damage_and_an_interrupt_is_left_alone() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(CollectionCorrupt), edge_engine.faults(Path("/x")):
        raise panic("index out of bounds")
    with pytest.raises(KeyboardInterrupt), edge_engine.faults(Path("/x")):
        raise KeyboardInterrupt


def test_a_closed_store_says_so(folder: Path) -> None:
    store = EdgeStore(SPEC, folder / "store")
    store.close()
    with pytest.raises(ServiceError):
        store.search("image", unit(8, 1)[None], 1)
