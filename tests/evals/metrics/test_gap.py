import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.evals.metrics.gap import closeness, kinship, mean_distance, separability

Matrix = NDArray[np.float64]
seeds = st.integers(0, 500)


def drawn(seed: int, n: int, d: int, shift: float = 0.0) -> Matrix:
    rows = np.random.default_rng(seed).normal(size=(n, d))
    rows[:, 0] += shift
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def rotation(seed: int, d: int) -> Matrix:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def test_distance_of_means_by_hand() -> None:
    one, other = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[-1.0, 0.0]])
    assert mean_distance(one, other) == pytest.approx(math.hypot(1.5, 0.5))
    assert mean_distance(one, one) == 0.0
    assert mean_distance(np.array([[1.0]]), np.array([[-1.0]])) == 2.0


@given(seeds)
def test_rotations_and_order_change_nothing(seed: int) -> None:
    one, other = drawn(seed, 8, 4), drawn(seed + 1000, 8, 4, shift=1.0)
    turn, order = rotation(seed, 4), np.random.default_rng(seed).permutation(8)
    assert mean_distance(one @ turn, other[order] @ turn) == pytest.approx(mean_distance(one, other))
    first, second = closeness(one, other), closeness(one[order] @ turn, other[order] @ turn)
    assert (first.matched, first.unmatched) == pytest.approx((second.matched, second.unmatched))


def test_closeness_by_hand() -> None:
    one, other = np.eye(3), np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]])
    found = closeness(one, other)
    assert found.matched == pytest.approx((1.0 + 0.8 - 1.0) / 3)
    assert found.unmatched == pytest.approx(0.6 / 6)
    single = closeness(one[:1], other[:1])
    assert single.matched == 1.0
    assert math.isnan(single.unmatched)


@given(seeds)
def test_closeness_equals_a_walk_over_all_pairs(seed: int) -> None:
    one, other = drawn(seed, 6, 3), drawn(seed + 1000, 6, 3)
    pairs = [(i, j, float(one[i] @ other[j])) for i in range(6) for j in range(6)]
    found = closeness(one.astype(np.float32), other.astype(np.float32))
    assert found.matched == pytest.approx(np.mean([cosine for i, j, cosine in pairs if i == j]), abs=1e-6)
    assert found.unmatched == pytest.approx(np.mean([cosine for i, j, cosine in pairs if i != j]), abs=1e-6)


def test_modalities_apart_are_told_apart_and_one_modality_is_not() -> None:
    near, far = drawn(0, 120, 6, shift=-4.0), drawn(1, 120, 6, shift=4.0)
    assert separability(near, far) == 1.0
    assert separability(near, drawn(2, 120, 6, shift=-4.0)) == pytest.approx(0.5, abs=0.15)
    # Nor does guessing the larger one help.
    assert separability(drawn(3, 400, 6), drawn(4, 20, 6)) == pytest.approx(0.5, abs=0.25)


def test_separability_is_a_function_of_its_seed() -> None:
    one, other = drawn(0, 30, 4), drawn(1, 30, 4, shift=0.5)
    assert separability(one, other, seed=3) == separability(one, other, seed=3)


def test_separability_needs_a_row_for_each_fold() -> None:
    with pytest.raises(CallerError, match=r"5 folds.*found 4 and 9"):
        separability(drawn(0, 4, 3), drawn(1, 9, 3))


def test_neighbours_of_ones_own_kind_by_hand() -> None:
    queries = np.array([[1.0, 0.0]])
    own = np.array([[0.9, 0.0], [0.1, 0.0]])
    other = np.array([[0.8, 0.0], [0.7, 0.0], [0.6, 0.0]])
    assert [kinship(queries, own, other, k).share for k in (1, 2, 4, 5)] == pytest.approx([1, 1 / 2, 1 / 4, 2 / 5])
    found = kinship(queries, own, other, 1)
    assert found.base == pytest.approx(2 / 5)
    assert found.bias == pytest.approx(5 / 2)


def test_a_gap_shows_as_kinship_and_its_absence_does_not() -> None:
    own, other = drawn(0, 100, 6, shift=-3.0), drawn(1, 100, 6, shift=3.0)
    # With the gap open each modality finds itself first, whatever the query says.
    assert kinship(own, own, other, 10, among=True).share > 0.95
    assert kinship(other, other, own, 10, among=True).share > 0.95
    even = kinship(own, own, drawn(2, 100, 6, shift=-3.0), 10, among=True)
    assert even.share == pytest.approx(even.base, abs=0.08)
    assert even.base == pytest.approx(99 / 199)


def test_a_query_is_not_its_own_neighbour() -> None:
    own, other = np.eye(3), np.array([[0.5, 0.5, 0.5]])
    assert kinship(own, own, other, 1).share == 1.0
    assert kinship(own, own, other, 1, among=True).share == 0.0


@given(seeds, st.integers(1, 12))
def test_all_neighbours_have_the_base_share(seed: int, k: int) -> None:
    queries, own, other = drawn(seed, 5, 3), drawn(seed + 1, 4, 3), drawn(seed + 2, 8, 3)
    assert 0.0 <= kinship(queries, own, other, k).share <= 1.0
    assert kinship(queries, own, other, 12).bias == pytest.approx(1.0)


@pytest.mark.parametrize("k", [0, -1, 6])
def test_k_is_checked(k: int) -> None:
    with pytest.raises(CallerError, match=f"k is {k}; allowed are whole numbers from 1 to 5"):
        kinship(drawn(0, 2, 3), drawn(1, 2, 3), drawn(2, 3, 3), k)


def test_among_needs_the_rows_themselves() -> None:
    with pytest.raises(CallerError, match="own modality"):
        kinship(drawn(0, 2, 3), drawn(1, 4, 3), drawn(2, 3, 3), 1, among=True)
