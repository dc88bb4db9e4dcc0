import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from foveate.errors import CallerError
from foveate.rerankers.ranked_lists import RankedList, ndcg, split_lists


def listed(question: str) -> RankedList:
    return RankedList(question=question, texts=("a", "b"), relevance=(1.0, 0.0))


@pytest.mark.parametrize(
    ("texts", "relevance", "named"),
    [
        (("a",), (1.0,), "1 texts"),
        (("a", "b"), (1.0,), "1 relevances"),
        (("a", "b"), (1.0, math.nan), "nan"),
        (("a", "b"), (1.0, -2.0), "-2.0"),
        (("a", "b"), (3.0, 3.0), "nothing to learn"),
    ],
)
def test_bad_lists(texts: Any, relevance: Any, named: str) -> None:
    with pytest.raises(CallerError, match=named) as caught:
        RankedList(question="which one?", texts=texts, relevance=relevance)
    assert "which one?" in str(caught.value)


def test_questions_stay_whole_whatever_the_order() -> None:
    lists = [listed(f"q{n % 20}") for n in range(60)]
    kept, held = split_lists(lists, 0.25, 3)
    assert len({one.question for one in held}) == 5 and len(kept) + len(held) == 60
    assert not {one.question for one in kept} & {one.question for one in held}
    assert {one.question for one in split_lists(lists[::-1], 0.25, 3)[1]} == {one.question for one in held}
    assert {one.question for one in split_lists(lists, 0.25, 4)[1]} != {one.question for one in held}


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_neither_part_is_empty(share: float) -> None:
    kept, held = split_lists([listed("a"), listed("b")], share, 0)
    assert len(kept) == len(held) == 1


def test_too_few_questions_and_bad_shares() -> None:
    with pytest.raises(CallerError, match="different questions"):
        split_lists([listed("a"), listed("a")], 0.5, 0)
    for share in (0.0, 1.0, math.nan):
        with pytest.raises(CallerError, match="held_out"):
            split_lists([listed("a"), listed("b")], share, 0)


@given(st.permutations(range(12)), st.lists(st.integers(0, 3), min_size=12, max_size=12), st.integers(1, 12))
def test_ndcg_is_that_of_scikit_learn(scores: list[int], gains: list[int], depth: int) -> None:
    if not any(gains):
        assert math.isnan(ndcg(scores, gains, depth))
    else:
        assert ndcg(scores, gains, depth) == pytest.approx(ndcg_score([gains], [scores], k=depth))


def test_equal_scores_gain_nothing() -> None:
    worst = min(ndcg(order, [2.0, 0.0, 1.0]) for order in itertools.permutations(range(3)))
    assert ndcg(np.zeros(3), [2.0, 0.0, 1.0]) == worst
