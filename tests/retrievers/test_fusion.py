import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.retrievers.fusion import maximal_marginal_relevance, near_duplicates, reciprocal_rank_fusion

names = st.lists(st.sampled_from("abcdefgh"), unique=True)


def test_rrf_by_hand() -> None:
    fused = dict(reciprocal_rank_fusion({"x": ["a", "b"], "y": ["b", "c"]}))
    assert fused["a"] == pytest.approx(1 / 61)
    assert fused["b"] == pytest.approx(1 / 62 + 1 / 61)
    assert fused["c"] == pytest.approx(1 / 62)


@given(st.dictionaries(st.sampled_from(["x", "y", "z"]), names))
def test_rrf_properties(lists: dict[str, list[str]]) -> None:
    fused = reciprocal_rank_fusion(lists)
    assert {name for name, _ in fused} == {name for items in lists.values() for name in items}
    assert fused == sorted(fused, key=lambda item: (-item[1], item[0]))
    assert fused == reciprocal_rank_fusion(dict(reversed(list(lists.items()))))


def test_rrf_negative_weight_pushes_down() -> None:
    fused = reciprocal_rank_fusion({"x": ["a", "b"], "not": ["a"]}, weights={"not": -1.0})
    assert [name for name, _ in fused] == ["b", "a"]


def test_mmr_by_hand() -> None:
    rows = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    # The second is the first's twin: with balance 0.5 the third, though less relevant, comes before it.
    assert maximal_marginal_relevance([1.0, 0.9, 0.5], rows, 3, balance=0.5) == [0, 2, 1]
    assert maximal_marginal_relevance([1.0, 0.9, 0.5], rows, 3, balance=1.0) == [0, 1, 2]
    assert maximal_marginal_relevance([], np.zeros((0, 2), np.float32), 3) == []


def test_mmr_true_negative_similarity_counts() -> None:
    rows = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    # The opposite of what was chosen is more varied than what is merely unlike it.
    assert maximal_marginal_relevance([1.0, 0.5, 0.5], rows, 2, balance=0.5) == [0, 2]


@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=8), st.integers(1, 10))
def test_mmr_chooses_without_repetition(relevance: list[float], count: int) -> None:
    rows = np.eye(len(relevance), dtype=np.float32)
    chosen = maximal_marginal_relevance(relevance, rows, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(relevance))
    assert relevance[chosen[0]] == max(relevance)


def test_near_duplicates_keep_the_first() -> None:
    rows = np.array([[1, 0], [0, 1], [0.9999, 0.0141], [0, 0], [0, 0]], dtype=np.float32)
    assert near_duplicates(rows, threshold=0.99) == [0, 1, 0, 3, 4]  # rows of zeros equal nothing
