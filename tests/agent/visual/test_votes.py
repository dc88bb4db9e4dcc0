"""Votes by hand, and what must hold of any votes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agent.visual.votes import certainty, classify, combined, softmax
from foveate.errors import CallerError

SHARES = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6).map(
    lambda row: [x / sum(row) for x in row] if sum(row) > 1e-6 else [1.0 / len(row)] * len(row)
)


def test_certainty_by_hand() -> None:
    assert certainty([1.0, 0.0]) == 1.0
    assert certainty([0.5, 0.5]) == pytest.approx(0.0, abs=1e-12)
    # H(3/4, 1/4) = 0.811278 bits
    assert certainty([0.75, 0.25]) == pytest.approx(1.0 - 0.8112781244591328)
    assert certainty([1.0]) == 1.0


def test_combined_by_hand() -> None:
    votes = combined([0.5, 0.5], [0.1, 0.9])
    assert votes.weight == pytest.approx(0.0, abs=1e-9)  # the picture knows nothing: the texts decide
    assert votes.together == pytest.approx((0.1, 0.9))
    both = combined([0.75, 0.25], [1.0, 0.0])
    weight = 0.1887218755408672 / 1.1887218755408672
    assert both.weight == pytest.approx(weight)
    assert both.together == pytest.approx((0.75 * weight + 1.0 - weight, 0.25 * weight))


def test_no_texts_leave_the_picture_alone() -> None:
    votes = combined([0.2, 0.8], None)
    assert (votes.texts, votes.weight, votes.together) == (None, 1.0, (0.2, 0.8))


@settings(deadline=None, max_examples=50)
@given(SHARES, st.randoms())
def test_any_votes(shares: list[float], random) -> None:  # type: ignore[no-untyped-def]
    other = [*shares]
    random.shuffle(other)
    votes = combined(shares, other)
    assert sum(votes.together) == pytest.approx(1.0)
    assert votes.weight == pytest.approx(0.5, abs=1e-3)  # as certain as each other: the order says nothing
    assert all(min(a, b) - 1e-12 <= c <= max(a, b) + 1e-12 for a, b, c in zip(shares, other, votes.together))  # noqa: B905


@pytest.mark.parametrize(("picture", "texts"), [([], None), ([1.0], [0.5, 0.5]), ([], [])])
def test_votes_that_do_not_fit(picture: list[float], texts: list[float] | None) -> None:
    with pytest.raises(CallerError, match="both must be over the same ones"):
        combined(picture, texts)


def test_captions_correct_an_unsure_picture() -> None:
    names = np.eye(3)[:2]
    between = np.array([1.0, 0.99, 0.0]) / math.hypot(1.0, 0.99)
    captions = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    votes = classify(between, names, captions, [0.9, 0.8])
    assert votes.picture[0] > votes.picture[1] and votes.together[1] > 0.9
    assert votes.weight < 0.05


def test_a_far_neighbours_caption_counts_less() -> None:
    names = np.eye(2)
    picture = np.array([1.0, 1.0]) / math.sqrt(2.0)
    near_first = classify(picture, names, np.eye(2), [0.9, 0.5])
    assert near_first.texts is not None and near_first.texts[0] > 0.99
    assert classify(picture, names, np.eye(2), [0.5, 0.9]).texts == pytest.approx(near_first.texts[::-1])


def test_no_captions() -> None:
    votes = classify(np.array([1.0, 0.0]), np.eye(2), np.zeros((0, 2)), [])
    assert votes.texts is None and votes.together[0] > 0.99


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(CallerError, match="0 names"):
        classify(np.ones(2), np.zeros((0, 2)), np.zeros((0, 2)), [])
    with pytest.raises(CallerError, match="1 captions and 0 cosines"):
        classify(np.ones(2), np.eye(2), np.ones((1, 2)), [])


def test_softmax_of_large_numbers() -> None:
    assert softmax(np.array([1e4, 1e4 - math.log(3.0)])) == pytest.approx([0.75, 0.25])
