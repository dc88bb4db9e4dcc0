import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agent.answerability.combiner import OUTCOMES, Combiner, calibrated, softmax
from foveate.agent.answerability.fitting import fit_combiner
from foveate.agent.answerability.logistic import Logistic
from foveate.errors import CallerError
from foveate.rerankers.calibration import Curve
from tests.agent.answerability.questions import NAMES, made

STRAIGHT = Curve(method="isotonic", scale="probability", xs=(0.0, 1.0), ys=(0.0, 1.0), pairs=10_000)


@pytest.fixture(scope="module", params=["trees", "logistic"])
def fitted(request: pytest.FixtureRequest) -> Combiner:
    return fit_combiner(made(360), method=request.param, folds=3).combiner


def by_hand() -> Combiner:
    model = Logistic(
        mean=np.array([1.0]),
        scale=np.array([2.0]),
        weights=np.array([[1.0, -1.0]]),
        unknown=np.array([[0.0, 0.5]]),
        bias=np.array([0.25, 0.0]),
    )
    return Combiner(features=("gap",), classes=("right", "no_evidence"), model=model, curve=STRAIGHT, made_for={})


def test_probability_by_hand() -> None:
    # (3 - 1) / 2 = 1 standard deviation: scores 1.25 and -1, log-odds 2.25.
    said = by_hand().outcomes({"gap": 3.0})
    assert said["right"] == pytest.approx(1 / (1 + math.exp(-2.25)), abs=1e-5)
    assert said["wrong"] == 0.0
    assert said["right"] + said["no_evidence"] == pytest.approx(1.0)
    assert by_hand().explain({"gap": 3.0}) == [("gap", pytest.approx(2.0))]
    assert by_hand().explain({"gap": 3.0}, "no_evidence") == [("gap", pytest.approx(-2.0))]


def test_unknown_has_a_weight_of_its_own() -> None:
    assert by_hand().explain({"gap": math.nan}) == by_hand().explain({}) == [("gap", -0.5)]
    assert by_hand().outcomes({})["right"] == pytest.approx(1 / (1 + math.exp(0.25)), abs=1e-5)


def test_one_far_signal_counts_for_five_deviations() -> None:
    assert by_hand().explain({"gap": 1e9}) == [("gap", 10.0)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_outcomes_sum_to_one_and_contributions_to_the_log_odds(fitted: Combiner, data: st.DataObject) -> None:
    value = st.floats(-1e6, 1e6) | st.just(math.nan)
    signals = data.draw(st.dictionaries(st.sampled_from(NAMES), value))
    said = fitted.outcomes(signals)
    assert list(said) == list(OUTCOMES)
    assert sum(said.values()) == pytest.approx(1.0)
    assert min(said.values()) >= 0.0
    scores = fitted.model.scores(fitted.matrix([signals]))[0]
    for at, outcome in enumerate(fitted.classes):
        expected = scores[at] - np.delete(scores, at).mean()
        added = sum(value for _, value in fitted.explain(signals, outcome))
        assert added + fitted.bias(outcome) == pytest.approx(expected, abs=1e-6)


def test_many_are_as_one_by_one_and_missing_is_unknown(fitted: Combiner) -> None:
    questions = [row.signals for row in made(40, seed=3)]
    many = fitted.outcomes_many(questions)
    for one, question in zip(many, questions, strict=True):
        assert fitted.outcomes(question) == pytest.approx(one)
        assert fitted.outcomes({**dict.fromkeys(NAMES, math.nan), **question}) == pytest.approx(one)
    assert fitted.outcomes_many([]) == []


def test_explanations_come_largest_first(fitted: Combiner) -> None:
    sizes = [abs(value) for _, value in fitted.explain(made(1, unknown=0.0)[0].signals)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(sizes)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, "high", None, True, 10**400])
def test_bad_signals_are_named(bad: object) -> None:
    with pytest.raises(CallerError, match="signal 'gap' of question 0"):
        by_hand().outcomes({"gap": bad})  # type: ignore[dict-item]


def test_unknown_names_and_outcomes_are_refused_with_the_choices() -> None:
    with pytest.raises(CallerError, match=r"'gpa' of question 0 is unknown; choose from: gap"):
        by_hand().outcomes({"gpa": 1.0})
    with pytest.raises(CallerError, match=r"'wrong'; choose from: right, no_evidence"):
        by_hand().explain({}, "wrong")


def test_calibration_keeps_the_others_in_proportion() -> None:
    half = Curve(method="isotonic", scale="probability", xs=(0.0, 1.0), ys=(0.5, 0.5), pairs=100)
    found = calibrated(np.array([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0]]), 0, half)
    assert found[0] == pytest.approx([0.5, 0.375, 0.125], abs=1e-5)
    assert found[1] == pytest.approx([0.5, 0.25, 0.25], abs=1e-5)


def test_softmax_does_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0.0], [0.0, 0.0]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]
