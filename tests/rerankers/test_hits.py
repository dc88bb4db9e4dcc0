import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError, ServiceError
from foveate.ids import digest
from foveate.rerankers.hits import check_distinct, ranked
from tests.contracts.reranker import RESULTS, result

SCORES = st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1))


@given(SCORES)
def test_best_first_ties_by_id(scores: dict[str, float]) -> None:
    hits = ranked(scores.items(), by="x")
    assert {hit.chunk_id: hit.score for hit in hits} == scores
    assert [hit.rank for hit in hits] == list(range(len(scores)))
    for one, other in pairwise(hits):
        assert one.score > other.score or (one.score == other.score and one.chunk_id < other.chunk_id)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number(bad: float) -> None:
    with pytest.raises(ModelError, match="'mine' gave chunk 'b'"):
        ranked([("a", 0.1), ("b", bad)], by="mine")
    with pytest.raises(ServiceError):
        ranked([("b", bad)], by="mine", fault=ServiceError)


def test_a_chunk_given_twice() -> None:
    check_distinct(RESULTS)
    with pytest.raises(CallerError, match=rf"{digest('crane')}.*places 3 and 9"):
        check_distinct([*RESULTS, result("crane", "other words")])
