"""What every store must do, whatever engine it is. A store's test file subclasses ``StoreContract``.

The expectations are computed here by hand or with plain NumPy, not with one of the stores.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from foveate.errors import CallerError, CollectionBusy
from foveate.memory.filters import INDEXED, Filter, parse, path_keys
from foveate.memory.store import Point, SparseVector, Store, StoreSpec
from tests.contracts.filters import filters

Opener = Callable[[], Store]

SPEC = StoreSpec(dense={"image": 8, "text": 16}, indexed=INDEXED)


def name(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}"


def unit(size: int, seed: int) -> np.ndarray[Any, Any]:
    vector = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    return vector / np.linalg.norm(vector)


def sparse(**weights: float) -> SparseVector:
    return SparseVector(
        indices=tuple(int(term[1:]) for term in weights), values=tuple(float(one) for one in weights.values())
    )


def image_point(number: int, **payload: Any) -> Point:
    return Point(id=name(number), dense={"image": unit(8, number)}, payload=payload)


def ids(found: list[Any]) -> list[str]:
    return [one.id for one in found]


# One payload for each thing a filter can trip over: absent keys, several paths, zones, odd dates, odd names.
PAYLOADS: list[dict[str, Any]] = [
    {},
    {"kind": None, "date": None, "path_keys": []},
    {"kind": "image", "format": "gif", "part": "picture", "media": "0" * 32},
    {"kind": "image", "format": "jpeg", "part": "tile", "media": "a" * 32, "date": "2024-05-01"},
    {"kind": "document", "format": "pdf", "part": "page", "date": "2024-05-31T23:59:59"},
    {"kind": "film", "format": "mp4", "part": "frame", "date": "2024-06-01T01:00:00+02:00"},
    {"kind": "film", "format": "mp4", "part": "subtitle", "date": "2024-04-30T23:30:00-01:00"},
    {"kind": "document", "format": "markdown", "part": "passage", "date": "someday"},
    {"kind": "document", "date": "2024-13-41T00:00:00", "format": "html"},
    {"kind": "image", "date": "0001-01-01", "path_keys": path_keys("/home/x/my holiday/IMG_1.png")},
    {"kind": "image", "date": "9999-12-31T23:59:59.999999Z", "path_keys": path_keys("/home/holiday.png")},
    {"kind": "image", "path_keys": path_keys("/a/holiday/1.png") + path_keys("/b/é,\"'/\\1.png")},
    {"kind": "film", "path_keys": path_keys("relative/holiday/film.mp4"), "date": "2023-12-31 23:59"},
]


class StoreContract:
    exclusive = True
    """Whether a second store over the same data is refused."""
    durable = True
    """Whether points outlive the object; False for what is memory only."""

    @pytest.fixture
    def opener(self, tmp_path: Any) -> Opener:
        """Opens the store over the same data each time; a subclass says how."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, opener: Opener) -> Any:
        store = opener()
        yield store
        store.close()

    # --- points -------------------------------------------------------------------------------------------

    def test_a_point_comes_back_as_it_was(self, store: Store) -> None:
        payload = {
            "text": "naïve 東京 \x00 '\"",
            "none": None,
            "deep": {"list": [1, 2.5, True, None, {"a": []}], "empty": {}},
            "big": 2**63 - 1,
            "small": -(2**63),
            "float": 0.1,
        }
        dense = {"image": unit(8, 1), "text": unit(16, 2)}
        point = Point(id=name(1), dense=dense, sparse=sparse(t5=0.5, t9=2.0), payload=payload)
        store.upsert([point])
        (back,) = store.get([name(1)], vectors=True)
        assert back.payload == payload
        assert {key: vector.tobytes() for key, vector in back.dense.items()} == {
            key: vector.tobytes() for key, vector in dense.items()
        }
        assert all(vector.dtype == np.float32 for vector in back.dense.values())
        assert back.sparse is not None
        assert dict(zip(back.sparse.indices, back.sparse.values, strict=True)) == {5: 0.5, 9: 2.0}

    def test_vectors_come_only_when_wanted(self, store: Store) -> None:
        store.upsert([Point(id=name(1), dense={"image": unit(8, 1)}, sparse=sparse(t1=1))])
        (bare,) = store.get([name(1)])
        assert bare.dense == {} and bare.sparse is None
        (bare,) = store.scroll()
        assert bare.dense == {} and bare.sparse is None

    def test_get_keeps_the_order_asked_for_and_passes_over_unknown_ids(self, store: Store) -> None:
        store.upsert([image_point(number) for number in range(5)])
        assert ids(store.get([name(3), name(99), name(0), name(4)])) == [name(3), name(0), name(4)]
        assert store.get([]) == []

    def test_upsert_replaces_the_whole_point(self, store: Store) -> None:
        first = Point(id=name(1), dense={"image": unit(8, 1)}, sparse=sparse(t1=1), payload={"kind": "image"})
        store.upsert([first])
        store.upsert([Point(id=name(1), dense={"text": unit(16, 1)}, payload={"part": "page"})])
        (back,) = store.get([name(1)], vectors=True)
        assert set(back.dense) == {"text"} and back.sparse is None and back.payload == {"part": "page"}
        assert store.count() == 1
        assert store.search("image", unit(8, 1)[None], 5) == [[]]
        assert store.search_sparse(sparse(t1=1), 5) == []
        assert store.count(parse("kind:image")) == 0

    def test_the_last_of_one_id_in_a_batch_wins(self, store: Store) -> None:
        store.upsert([image_point(1, n=1), image_point(2), image_point(1, n=2)])
        assert store.get([name(1)])[0].payload == {"n": 2} and store.count() == 2

    def test_a_point_may_have_no_vectors_at_all(self, store: Store) -> None:
        store.upsert([Point(id=name(1), payload={"kind": "film"})])
        assert store.get([name(1)], vectors=True) == [Point(id=name(1), payload={"kind": "film"})]
        assert store.count(parse("kind:film")) == 1

    def test_what_a_caller_does_to_its_records_later_does_not_count(self, store: Store) -> None:
        vector, payload = unit(8, 1), {"list": [1]}
        store.upsert([Point(id=name(1), dense={"image": vector}, payload=payload)])
        vector[:] = 0
        payload["list"].append(2)
        (back,) = store.get([name(1)], vectors=True)
        assert back.payload == {"list": [1]} and back.dense["image"].any()
        back.payload["list"].append(3)
        assert store.get([name(1)])[0].payload == {"list": [1]}

    def test_set_payload_sets_keys_and_removes_those_set_to_none(self, store: Store) -> None:
        store.upsert([image_point(1, kind="image", part="tile", deep={"a": 1, "b": 2}), image_point(2, n=1)])
        store.set_payload([name(99), name(1)], {"kind": "film", "part": None, "deep": {"c": 3}, "absent": None})
        (first, second) = store.get([name(1), name(2)], vectors=True)
        assert first.payload == {"kind": "film", "deep": {"c": 3}}
        assert first.dense["image"].tobytes() == unit(8, 1).tobytes()
        assert second.payload == {"n": 1}
        assert store.count() == 2
        assert ids(list(store.scroll(parse("kind:film")))) == [name(1)]
        assert store.count(parse("kind:image")) == 0
        store.set_payload([], {"a": 1})
        store.set_payload([name(99)], {"a": 1})
        assert store.get([name(99)]) == []

    def test_delete_passes_over_unknown_ids(self, store: Store) -> None:
        store.upsert([image_point(number, kind="image") for number in range(4)])
        store.delete([name(1), name(99), name(2)])
        assert sorted(ids(list(store.scroll()))) == sorted([name(0), name(3)])
        assert store.count(parse("kind:image")) == 2
        assert {name(1), name(2)}.isdisjoint(ids(store.search("image", unit(8, 1)[None], 10)[0]))
        store.delete([])

    def test_scroll_is_ordered_by_id_over_several_pages(self, store: Store) -> None:
        store.upsert([Point(id=name(n), payload={"kind": ("image", "film")[n % 2]}) for n in range(700)])
        assert ids(list(store.scroll())) == sorted(name(n) for n in range(700))
        odd = sorted(name(n) for n in range(1, 700, 2))
        assert ids(list(store.scroll(parse("kind:film")))) == odd
        assert store.count() == 700 and store.count(parse("kind:film")) == 350

    # --- dense search -------------------------------------------------------------------------------------

    def test_search_is_exact_cosine_in_a_small_store(self, store: Store) -> None:
        points = [image_point(number, n=number) for number in range(200)]
        store.upsert(points)
        store.optimize()
        queries = np.stack([unit(8, 1000 + number) for number in range(3)])
        for query, found in zip(queries, store.search("image", queries, 7), strict=True):
            scores = {point.id: float(point.dense["image"] @ query) for point in points}
            best = sorted(scores, key=lambda one: -scores[one])[:7]
            assert ids(found) == best
            assert [one.score for one in found] == pytest.approx([scores[one] for one in best], abs=1e-5)
            assert [name(one.payload["n"]) for one in found] == best

    def test_search_gives_fewer_when_there_are_fewer(self, store: Store) -> None:
        assert store.search("image", unit(8, 1)[None], 5) == [[]]
        store.upsert([image_point(1), Point(id=name(2), dense={"text": unit(16, 2)}), Point(id=name(3))])
        assert ids(store.search("image", unit(8, 5)[None], 100)[0]) == [name(1)]
        assert store.search("image", np.zeros((0, 8), dtype=np.float32), 5) == []

    def test_the_filter_works_inside_the_engine(self, store: Store) -> None:
        """The 100 nearest points all fail the filter: a store that filters after the search finds nothing."""
        near, far = unit(8, 1), -unit(8, 1)
        store.upsert(
            [Point(id=name(n), dense={"image": near}, payload={"kind": "image"}) for n in range(100)]
            + [Point(id=name(n), dense={"image": far}, payload={"kind": "film"}) for n in range(100, 110)]
        )
        found = store.search("image", near[None], 10, parse("kind:film"))[0]
        assert ids(found) == sorted(name(n) for n in range(100, 110))

    def test_ties_are_ordered_by_id_even_when_cut(self, store: Store) -> None:
        same, better = unit(8, 1), unit(8, 2)
        tied = [Point(id=name(n), dense={"image": same}, sparse=sparse(t1=1)) for n in range(60)]
        store.upsert([*tied, Point(id=name(77), dense={"image": better}, sparse=sparse(t1=2))])
        expected = [name(77), *sorted(ids(tied))[:4]]
        assert ids(store.search("image", better[None], 5)[0]) == expected
        assert ids(store.search_sparse(sparse(t1=1), 5)) == expected

    # --- sparse search ------------------------------------------------------------------------------------

    def test_sparse_scores_are_bm25_by_hand(self, store: Store) -> None:
        """N counts points with a sparse vector: three here, the empty and the missing one left out."""
        store.upsert(
            [
                Point(id=name(1), sparse=sparse(t1=1.5, t2=0.5)),
                Point(id=name(2), sparse=sparse(t1=1.0)),
                Point(id=name(3), sparse=sparse(t3=1.0)),
                Point(id=name(4), sparse=SparseVector(indices=(), values=())),
                Point(id=name(5), dense={"image": unit(8, 1)}),
            ]
        )
        two_of_three = math.log((3 - 2 + 0.5) / (2 + 0.5) + 1)
        one_of_three = math.log((3 - 1 + 0.5) / (1 + 0.5) + 1)
        found = store.search_sparse(sparse(t1=1.0, t2=2.0, t99=1.0), 10)
        assert ids(found) == [name(1), name(2)]
        expected = [1.5 * two_of_three + 2.0 * 0.5 * one_of_three, 1.0 * two_of_three]
        assert [one.score for one in found] == pytest.approx(expected, rel=1e-5)
        assert store.get([name(4)], vectors=True)[0].sparse is None

    def test_idf_follows_deletions_and_replacements(self, store: Store) -> None:
        store.upsert([Point(id=name(n), sparse=sparse(t1=1) if n < 5 else sparse(t2=1)) for n in range(20)])
        for _ in range(3):
            store.upsert([Point(id=name(n), sparse=sparse(t1=1)) for n in range(5)])
        store.delete([name(0), name(1), name(19)])
        (best, *_) = store.search_sparse(sparse(t1=1), 1)
        assert best.score == pytest.approx(math.log((17 - 3 + 0.5) / (3 + 0.5) + 1), rel=1e-5)

    def test_idf_is_over_all_points_whatever_the_filter(self, store: Store) -> None:
        points = [Point(id=name(n), sparse=sparse(t1=1), payload={"kind": "film"}) for n in range(2)]
        others = [Point(id=name(n), sparse=sparse(t2=1), payload={"kind": "image"}) for n in range(2, 10)]
        store.upsert(points + others)
        found = store.search_sparse(sparse(t1=1, t2=1), 10, parse("kind:film"))
        assert ids(found) == sorted(ids(points))
        assert found[0].score == pytest.approx(math.log((10 - 2 + 0.5) / (2 + 0.5) + 1), rel=1e-5)

    def test_an_empty_sparse_query_finds_nothing(self, store: Store) -> None:
        store.upsert([Point(id=name(1), sparse=sparse(t1=1))])
        assert store.search_sparse(SparseVector(indices=(), values=()), 5) == []

    # --- filters ------------------------------------------------------------------------------------------

    def test_filters_mean_what_matches_says(self, store: Store) -> None:
        points = [Point(id=name(n), dense={"image": unit(8, n)}, payload=one) for n, one in enumerate(PAYLOADS)]
        store.upsert([Point(id=one.id, dense=one.dense, sparse=sparse(t1=1), payload=one.payload) for one in points])
        query = unit(8, 500)[None]

        def check(where: Filter) -> None:
            fitting = sorted(point.id for point in points if where.matches(point.payload))
            assert ids(list(store.scroll(where))) == fitting
            assert store.count(where) == len(fitting)
            assert sorted(ids(store.search("image", query, len(points), where)[0])) == fitting
            assert sorted(ids(store.search_sparse(sparse(t1=1), len(points), where))) == fitting

        for expression, expected in (
            ("", set(range(len(PAYLOADS)))),
            ("kind:image format:gif", {2}),
            ("-kind:image,film,document", {0, 1}),
            ("date:2024-05", {3, 4, 5, 6}),
            ("date:..2023", {9, 12}),
            ("-date:0001..", {0, 1, 2, 7, 8, 11}),
            ("path:holiday/", {11, 12}),
            ("path:holiday", {10, 11, 12}),
            ('path:"my holiday/"', {9}),
            ('path:"é,\\"\'"', {11}),
            ("path:/home/ -kind:film", {9, 10}),
            (f"media:{'a' * 32}", {3}),
        ):
            where = parse(expression)
            assert {n for n, one in enumerate(PAYLOADS) if where.matches(one)} == expected, expression
            check(where)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(filters())
        def any_filter(where: Filter) -> None:
            check(where)

        any_filter()

    # --- what is refused ----------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "point",
        [
            Point(id="short"),
            Point(id=name(1).upper().replace("0", "A")),
            Point(id=name(1), dense={"nobody": unit(8, 1)}),
            Point(id=name(1), dense={"image": unit(9, 1)}),
            Point(id=name(1), dense={"image": unit(8, 1)[None]}),
            Point(id=name(1), dense={"image": np.full(8, np.nan, dtype=np.float32)}),
            Point(id=name(1), dense={"image": np.full(8, np.inf, dtype=np.float32)}),
            Point(id=name(1), sparse=SparseVector(indices=(1, 1), values=(1.0, 1.0))),
            Point(id=name(1), sparse=SparseVector(indices=(1,), values=(1.0, 1.0))),
            Point(id=name(1), sparse=SparseVector(indices=(-1,), values=(1.0,))),
            Point(id=name(1), sparse=SparseVector(indices=(1,), values=(float("nan"),))),
            Point(id=name(1), payload={"x": float("inf")}),
            Point(id=name(1), payload={"x": 2**63}),
            Point(id=name(1), payload={"x": b"bytes"}),
            Point(id=name(1), payload={"x": ["\udc80"]}),
            Point(id=name(1), payload={"x": {1: 2}}),
        ],
    )
    def test_a_bad_point_is_refused_and_nothing_is_stored(self, store: Store, point: Point) -> None:
        with pytest.raises(CallerError):
            store.upsert([image_point(7), point])
        assert store.count() == 0

    def test_bad_queries_are_refused(self, store: Store) -> None:
        store.upsert([image_point(1)])
        for bad in (unit(8, 1), unit(9, 1)[None], np.full((1, 8), np.nan, dtype=np.float32)):
            with pytest.raises(CallerError):
                store.search("image", bad, 5)
        with pytest.raises(CallerError, match="image"):
            store.search("nobody", unit(8, 1)[None], 5)
        with pytest.raises(CallerError):
            store.search("image", unit(8, 1)[None], 0)
        with pytest.raises(CallerError):
            store.search_sparse(sparse(t1=1), 0)
        with pytest.raises(CallerError):
            store.search_sparse(SparseVector(indices=(1, 1), values=(1.0, 1.0)), 3)
        with pytest.raises(CallerError):
            store.get(["not an id"])
        with pytest.raises(CallerError):
            store.delete(["not an id"])
        with pytest.raises(CallerError):
            store.set_payload([name(1)], {"x": object()})

    # --- opening and closing ------------------------------------------------------------------------------

    def test_points_outlive_the_store_object(self, opener: Opener) -> None:
        if not self.durable:
            pytest.skip("memory only")
        store = opener()
        point = Point(id=name(1), dense={"image": unit(8, 1)}, sparse=sparse(t1=1), payload=PAYLOADS[3])
        store.upsert([point, *(image_point(number) for number in range(2, 30))])
        store.set_payload([name(2)], {"kind": "film"})
        store.delete([name(3)])
        store.flush()
        store.optimize()
        store.close()
        store.close()
        again = opener()
        try:
            assert again.count() == 28
            (back, changed) = again.get([name(1), name(2)], vectors=True)
            assert back.payload == PAYLOADS[3] and back.sparse == point.sparse
            assert back.dense["image"].tobytes() == point.dense["image"].tobytes()
            assert changed.payload == {"kind": "film"}
            assert ids(again.search("image", unit(8, 1)[None], 1, parse("date:2024-05"))[0]) == [name(1)]
            assert ids(again.search_sparse(sparse(t1=1), 5)) == [name(1)]
        finally:
            again.close()

    def test_a_second_store_over_the_same_data_is_refused(self, opener: Opener) -> None:
        if not self.exclusive:
            pytest.skip("a server serves many")
        store = opener()
        try:
            with pytest.raises(CollectionBusy):
                opener()
            store.upsert([image_point(1)])
            assert store.count() == 1
        finally:
            store.close()
        opener().close()
