import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agent.answerability.risk import (
    LEVELS,
    NEVER,
    binomial_tail,
    expected_loss_threshold,
    selective_threshold,
)
from foveate.errors import CallerError

PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.7, 0.995, 1.0]), st.booleans()), min_size=1)


@settings(deadline=None)
@given(count=st.integers(1, 3000), share=st.floats(0.001, 0.999), part=st.floats(0, 1))
def test_binomial_tail_is_scipys(count: int, share: float, part: float) -> None:
    from scipy.stats import binom

    wrong = int(part * count)
    assert binomial_tail(wrong, count, share) == pytest.approx(binom.cdf(wrong, count, share), abs=1e-8)


def test_expected_loss_by_hand() -> None:
    scores, right = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [True, False] * 4 + [True]
    # Of 9, floor(0.2 * 10 - 1) = 1 wrong answer may be given: 0.8 may, 0.6 may not.
    assert expected_loss_threshold(scores, right, 0.2) == math.nextafter(0.6, 1.0)
    assert expected_loss_threshold(scores, right, 0.1) == math.nextafter(0.8, 1.0)
    assert expected_loss_threshold(scores, right, 0.09) == NEVER
    assert expected_loss_threshold(scores, right, 0.5) == 0.0
    assert expected_loss_threshold([1.0] * 9, [False] * 9, 0.2) == NEVER


@given(pairs=PAIRS, one=st.floats(0, 1), other=st.floats(0, 1))
def test_expected_loss_is_within_the_bound_and_falls_with_the_target(
    pairs: list[tuple[float, bool]], one: float, other: float
) -> None:
    scores, right = zip(*pairs, strict=True)
    low, high = sorted((one, other))
    at = expected_loss_threshold(scores, right, low)
    assert at >= expected_loss_threshold(scores, right, high)
    wrong = sum(score >= at and not good for score, good in pairs)
    assert at == NEVER or (wrong + 1) / (len(pairs) + 1) <= low + 1e-6


def test_expected_loss_holds_on_average() -> None:
    rng = np.random.default_rng(1)
    losses = []
    for _ in range(2000):
        scores = np.round(rng.random(41), 1)  # ties
        good = rng.random(41) < scores
        at = expected_loss_threshold(scores[:40].tolist(), good[:40].tolist(), 0.1)
        losses.append(scores[40] >= at and not good[40])
    assert np.mean(losses) <= 0.1 + 3 * math.sqrt(0.09 / 2000)


def drawn(rng: np.random.Generator, count: int, bend: float) -> tuple[list[float], list[bool]]:
    scores = rng.beta(2, 1, count)
    return scores.tolist(), (rng.random(count) < scores**bend).tolist()


@pytest.mark.parametrize(("bend", "target"), [(1.0, 0.2), (0.5, 0.1), (2.0, 0.3)])
def test_the_share_of_wrong_answers_exceeds_the_target_in_a_tenth_of_runs_at_most(bend: float, target: float) -> None:
    rng = np.random.default_rng(2)
    scores, right = drawn(rng, 400_000, bend)
    order = np.sort(scores)[::-1]
    wrong = np.cumsum(~np.array(right)[np.argsort(scores)[::-1]])
    runs, missed, used = 400, 0, 0
    for _ in range(runs):
        at = selective_threshold(*drawn(rng, 300, bend), target)
        answered = int(np.searchsorted(-order, -at, "right"))
        if answered:
            used += 1
            missed += wrong[answered - 1] / answered > target
    assert missed / runs <= 0.1 + 3 * math.sqrt(0.09 / runs)
    assert used / runs > 0.4, "a threshold that is never found misses nothing"


def test_selective_by_hand() -> None:
    # 100 surest right, 100 at 0.5 wrong by half: at 0.1 only the first are refuted to be too often wrong.
    scores = [0.9] * 100 + [0.5] * 100
    right = [True] * 100 + [True, False] * 50
    assert selective_threshold(scores, right, 0.1) == 0.505
    assert selective_threshold(scores, right, 0.4) == 0.0
    assert selective_threshold(scores, right, 0.02) == NEVER  # 0.98 ** 100 is 0.13
    assert selective_threshold(scores, right, 0.02, delta=0.2) == 0.505
    assert selective_threshold([0.9] * 29, [True] * 29, 0.5) == NEVER


@settings(deadline=None)
@given(pairs=PAIRS, one=st.floats(0, 1), other=st.floats(0, 1))
def test_selective_falls_with_the_target(pairs: list[tuple[float, bool]], one: float, other: float) -> None:
    scores, right = zip(*(pairs * 40), strict=True)
    low, high = sorted((one, other))
    found = selective_threshold(scores, right, low)
    assert found >= selective_threshold(scores, right, high)
    assert found in (*LEVELS, NEVER)
    assert selective_threshold(scores[::-1], right[::-1], low) == found


def test_bad_input_is_named() -> None:
    with pytest.raises(CallerError, match="0 confidences"):
        selective_threshold([], [], 0.1)
    with pytest.raises(CallerError, match="confidence 1 is nan"):
        selective_threshold([0.1, math.nan], [True, True], 0.1)
    with pytest.raises(CallerError, match=r"target_risk is 10"):
        expected_loss_threshold([0.1], [True], 10)
    with pytest.raises(CallerError, match="delta is -1"):
        selective_threshold([0.1], [True], 0.1, delta=-1)
