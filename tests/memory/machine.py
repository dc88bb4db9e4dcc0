"""Any order of operations on a store beside a dict that is the model."""

import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from foveate.memory.filters import Filter
from foveate.memory.store import Point, SparseVector, Store
from tests.contracts.filters import filters
from tests.contracts.store import PAYLOADS, Opener, name, unit

_numbers = st.integers(0, 15)
_payloads = st.sampled_from(PAYLOADS)
_sparse = st.none() | st.dictionaries(st.integers(0, 3), st.sampled_from([0.5, 1.0, 2.0]), min_size=1).map(
    lambda terms: SparseVector(indices=tuple(terms), values=tuple(terms.values()))
)


def _points() -> st.SearchStrategy[Point]:
    names = st.sets(st.sampled_from(["image", "text"]))
    sizes = {"image": 8, "text": 16}
    return st.builds(
        lambda number, held, seed, sparse, payload: Point(
            id=name(number),
            dense={one: unit(sizes[one], seed) for one in sorted(held)},
            sparse=sparse,
            payload=dict(payload),
        ),
        _numbers,
        names,
        st.integers(0, 6),
        _sparse,
        _payloads,
    )


class StoreMachine(RuleBasedStateMachine):
    opener: Any
    """Gives a fresh opener: each example has a store of its own."""

    @initialize()
    def start(self) -> None:
        self.open: Opener = type(self).opener()
        self.store: Store = self.open()
        self.model: dict[str, Point] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    @rule(points=st.lists(_points(), max_size=6))
    def upsert(self, points: list[Point]) -> None:
        self.store.upsert(points)
        self.model |= {point.id: point for point in points}

    @rule(numbers=st.lists(_numbers, max_size=4), payload=_payloads)
    def set_payload(self, numbers: list[int], payload: dict[str, Any]) -> None:
        self.store.set_payload([name(number) for number in numbers], payload)
        for one in {name(number) for number in numbers} & self.model.keys():
            old = self.model[one]
            merged = {**old.payload, **payload}
            gone = {key for key, value in payload.items() if value is None}
            kept = {key: value for key, value in merged.items() if key not in gone}
            self.model[one] = Point(id=one, dense=old.dense, sparse=old.sparse, payload=kept)

    @rule(numbers=st.lists(_numbers, max_size=4))
    def delete(self, numbers: list[int]) -> None:
        self.store.delete([name(number) for number in numbers])
        for number in numbers:
            self.model.pop(name(number), None)

    @rule(optimize=st.booleans())
    def flush_and_reopen(self, optimize: bool) -> None:
        self.store.flush()
        if optimize:
            self.store.optimize()
        self.store.close()
        self.store = self.open()

    @rule(where=filters(), seed=st.integers(0, 9), k=st.integers(1, 20))
    def search(self, where: Filter, seed: int, k: int) -> None:
        query = unit(8, seed)
        (found,) = self.store.search("image", query[None], k, where)
        scores = {
            one: float(point.dense["image"] @ query)
            for one, point in self.model.items()
            if "image" in point.dense and where.matches(point.payload)
        }
        assert [one.id for one in found] == self._best(scores, k)
        assert np.allclose([one.score for one in found], [scores[one.id] for one in found], atol=1e-5)

    @rule(where=filters(), terms=st.sets(st.integers(0, 4)), k=st.integers(1, 20))
    def search_sparse(self, where: Filter, terms: set[int], k: int) -> None:
        query = SparseVector(indices=tuple(terms), values=(1.0,) * len(terms))
        held = {
            one: dict(zip(point.sparse.indices, point.sparse.values, strict=True))
            for one, point in self.model.items()
            if point.sparse
        }
        df = {term: sum(term in weights for weights in held.values()) for term in terms}
        idf = {term: math.log((len(held) - n + 0.5) / (n + 0.5) + 1) for term, n in df.items()}
        scores = {
            one: sum(idf[term] * weights[term] for term in terms & weights.keys())
            for one, weights in held.items()
            if terms & weights.keys() and where.matches(self.model[one].payload)
        }
        found = self.store.search_sparse(query, k, where)
        assert [one.id for one in found] == self._best(scores, k)
        assert np.allclose([one.score for one in found], [scores[one.id] for one in found], rtol=1e-4)

    @rule(where=filters())
    def scroll(self, where: Filter) -> None:
        expected = sorted(one for one, point in self.model.items() if where.matches(point.payload))
        assert [point.id for point in self.store.scroll(where)] == expected
        assert self.store.count(where) == len(expected)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.store.count() == len(self.model)
        for point in self.store.get(sorted(self.model), vectors=True):
            wanted = self.model[point.id]
            assert point.payload == wanted.payload
            assert {key: vector.tobytes() for key, vector in point.dense.items()} == {
                key: vector.tobytes() for key, vector in wanted.dense.items()
            }
            assert (point.sparse is None) == (wanted.sparse is None)

    @staticmethod
    def _best(scores: dict[str, float], k: int) -> list[str]:
        return sorted(scores, key=lambda one: (-round(scores[one], 5), one))[:k]


def run_machine(opener_factory: Any, examples: int, steps: int = 25) -> None:
    machine = type("Machine", (StoreMachine,), {"opener": staticmethod(opener_factory)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
