import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.abstain import abstained, abstention
from tests.contracts.reranker import result


@pytest.mark.parametrize(("first", "score"), [(0.0, -0.5), (1.0, -0.25), (-1.0, -0.75), (3.0, -0.125)])
def test_by_hand(first: float, score: float) -> None:
    assert abstention(result("a", None, score=first)) == pytest.approx(score)


@given(st.floats(), st.floats())
def test_below_every_probability_and_in_the_first_stage_s_order(one: float, other: float) -> None:
    scores = [abstention(result("a", None, score=first)) for first in (one, other)]
    assert all(-1.0 <= score < 0.0 and abstained(score) for score in scores)
    if one < other:
        assert scores[0] <= scores[1]


def test_nan_comes_last() -> None:
    assert abstention(result("a", None, score=math.nan)) <= abstention(result("a", None, score=-math.inf))


def test_a_probability_is_a_judgement() -> None:
    assert not abstained(0.0) and not abstained(1.0)
