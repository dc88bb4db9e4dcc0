import logging

import numpy as np
import pytest

from foveate.agent.answerability.policy import TARGETS, Asked, Policy, fit_policy
from foveate.agent.answerability.risk import NEVER
from foveate.errors import CallerError


def draws(count: int, seed: int = 0) -> list[Asked]:
    rng = np.random.default_rng(seed)
    found = []
    for score in rng.beta(1, 1, count).tolist():
        right = bool(rng.random() < score)
        found.append(Asked(confidence=score, right=right, answerable=right or bool(rng.random() < 0.2)))
    return found


@pytest.fixture(scope="module")
def policy() -> Policy:
    return fit_policy(draws(1500))


def test_points_hold_their_target_on_the_calibration_questions(policy: Policy) -> None:
    asked = draws(1500)
    assert tuple(point.target for point in policy.points) == TARGETS
    for point in policy.points:
        given = [one.right for one in asked if one.confidence >= point.threshold]
        assert point.coverage == pytest.approx(len(given) / len(asked))
        assert point.risk is None if not given else point.risk == pytest.approx(1 - np.mean(given))
        assert point.risk is None or point.risk <= point.target


def test_a_higher_target_answers_no_less(policy: Policy) -> None:
    thresholds = [policy.threshold(target) for target in np.linspace(0, 1, 201).tolist()]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[-1] == 0.0


def test_between_points_the_stricter_holds(policy: Policy) -> None:
    assert policy.threshold(0.2099) == policy.threshold(0.2)
    assert policy.point(0.2) == policy.points[TARGETS.index(0.2)]
    assert policy.point(0.1 + 0.2) == policy.points[TARGETS.index(0.3)]


def test_a_target_that_nothing_reaches_abstains_always_and_says_so(
    policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert policy.threshold(0.001) == NEVER > 1.0
    assert "at 0.001 or less: all abstain" in caplog.text


def test_the_default_loses_a_hundredth_of_the_answerable() -> None:
    # 200 answerable: two right answers may be lost, those at 0.000 and 0.005; wrong ones cost nothing.
    asked = [Asked(confidence=at / 200, right=True, answerable=True) for at in range(150)]
    asked += [Asked(confidence=0.0, right=False, answerable=True)] * 50
    asked += [Asked(confidence=0.9, right=False, answerable=False)] * 100
    assert fit_policy(asked).threshold() == 0.01
    tied = [Asked(confidence=0.3, right=True, answerable=True)] * 100
    assert fit_policy(tied).threshold() == 0.3


def test_the_default_is_the_highest_that_costs_no_more() -> None:
    asked = draws(700, seed=4)
    answerable = sum(one.answerable for one in asked)
    keep = fit_policy(asked).keep
    lost = sum(one.right and one.confidence < keep for one in asked)
    more = sum(one.right and one.confidence <= keep for one in asked)
    assert lost / answerable <= 0.01 < more / answerable


def test_bad_input_is_named(policy: Policy) -> None:
    with pytest.raises(CallerError, match="question 0 is right and not answerable"):
        fit_policy([Asked(confidence=0.5, right=True, answerable=False)])
    with pytest.raises(CallerError, match="none of the questions is answerable"):
        fit_policy([Asked(confidence=0.5, right=False, answerable=False)])
    with pytest.raises(CallerError, match=r"confidence 0 is 1\.5"):
        fit_policy([Asked(confidence=1.5, right=True, answerable=True)])
    for target in (-0.1, 1.1, float("nan")):
        with pytest.raises(CallerError, match="target_risk is"):
            policy.threshold(target)
