"""Fits beside scikit-learn's own calibration."""

import math
import random

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss

from foveate.errors import CallerError
from foveate.rerankers.calibration import Method
from foveate.rerankers.fitting import Pair, fit_calibrator


def made(count: int, *, slope: float = 0.4, seed: int = 1) -> list[Pair]:
    """Scores too sure of themselves: true log-odds are ``slope`` times those of the score, minus 0.5."""
    chance = random.Random(seed)
    pairs = []
    for _ in range(count):
        odds = chance.gauss(0.0, 3.0)
        relevant = chance.random() < 1 / (1 + math.exp(0.5 - slope * odds))
        pairs.append((1 / (1 + math.exp(-odds)), relevant))
    return pairs


class Raw(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose decision is its input: scikit-learn calibrates scores only through one."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Raw":
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x[:, 0]

    def predict(self, x: np.ndarray) -> np.ndarray:
        return (x[:, 0] > 0).astype(int)


def test_platt_is_scikit_learn_s() -> None:
    pairs = made(300)
    scores, labels = (np.array(column) for column in zip(*pairs, strict=True))
    odds = np.log(scores / (1 - scores))[:, None]
    raw = Raw().fit(odds, labels)
    theirs = CalibratedClassifierCV(FrozenEstimator(raw), method="sigmoid", ensemble=False).fit(odds, labels)
    ours = fit_calibrator(pairs, model="m")
    expected = theirs.predict_proba(odds)[:, 1]
    assert [ours.probability(score) for score, _ in pairs] == pytest.approx(expected, abs=1e-4)
    # What was too sure is brought back to what it was made from.
    assert ours.curve.xs[0] == pytest.approx(0.4, abs=0.1) and ours.curve.ys[0] == pytest.approx(-0.5, abs=0.3)


def test_isotonic_is_scikit_learn_s() -> None:
    pairs = made(300)
    scores, labels = (np.array(column) for column in zip(*pairs, strict=True))
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
    ours = fit_calibrator(pairs, model="m", method="isotonic")
    grid = np.linspace(0, 1, 101)
    expected = np.clip(theirs.predict(grid), 1 / 302, 1 - 1 / 302)
    assert [ours.probability(score) for score in grid] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_the_card_tells_before_and_after(method: Method) -> None:
    pairs = made(2000)
    fitted = fit_calibrator(pairs, model="m", method=method).fitted
    scores, labels = zip(*pairs, strict=True)
    assert (fitted.pairs, fitted.positives) == (2000, sum(labels))
    assert fitted.brier_before == pytest.approx(brier_score_loss(labels, scores))
    assert fitted.ece_before is not None and fitted.brier_before is not None
    assert fitted.ece_before > 0.1 > fitted.ece_after
    assert fitted.brier_after < fitted.brier_before
    fresh = made(4000, seed=2)
    calibrator = fit_calibrator(pairs, model="m", method=method)
    new = brier_score_loss([label for _, label in fresh], [calibrator.probability(score) for score, _ in fresh])
    assert fitted.brier_after == pytest.approx(new, abs=0.01)


def test_ece_by_hand() -> None:
    # Two bins: 20 pairs of score 0.9 of which 15 are relevant, 20 of score 0.1 of which 5 are.
    pairs = [(0.9, place < 15) for place in range(20)] + [(0.1, place < 5) for place in range(20)]
    fitted = fit_calibrator(pairs, model="m").fitted
    assert fitted.ece_before == pytest.approx(0.15)
    assert fitted.brier_before == pytest.approx(0.75 * 0.1**2 + 0.25 * 0.9**2)


def test_the_order_of_the_pairs_does_not_count() -> None:
    pairs = made(80)
    shuffled = pairs[:]
    random.Random(3).shuffle(shuffled)
    assert fit_calibrator(pairs, model="m") == fit_calibrator(shuffled, model="m")
    other = [(score, label if place else not label) for place, (score, label) in enumerate(pairs)]
    assert fit_calibrator(other, model="m").fitted.data != fit_calibrator(pairs, model="m").fitted.data


def test_separable_pairs_give_a_finite_curve() -> None:
    calibrator = fit_calibrator([(1.0, True)] * 10 + [(0.0, False)] * 10, model="m")
    # Platt's targets: 11/12 and 1/12.
    assert calibrator.probability(1.0) == pytest.approx(11 / 12, abs=1e-4)
    assert calibrator.probability(0.0) == pytest.approx(1 / 12, abs=1e-4)


def test_other_scales() -> None:
    pairs = [(500.0 * (score - 0.5), label) for score, label in made(200)]
    calibrator = fit_calibrator(pairs, model="m", scale="any")
    assert calibrator.fitted.ece_before is None and calibrator.fitted.brier_before is None
    assert 0.0 < calibrator.probability(-250.0) < calibrator.probability(250.0) < 1.0


GOOD = [(0.2, False)] * 10 + [(0.8, True)] * 10


@pytest.mark.parametrize(
    ("pairs", "named"),
    [
        ([], "0 pairs, 0 of them relevant"),
        (GOOD[1:], "19 pairs"),
        ([(0.1 + place / 100, True) for place in range(30)], "30 of them relevant"),
        ([(0.2, False)] * 26 + [(0.8, True)] * 4, "5 or more of either class"),
        ([*GOOD, (math.nan, True)], "pair 20: score is nan"),
        ([*GOOD, (1.5, True)], "pair 20: score is 1.5"),
        ([*GOOD, (0.5, 2)], "pair 20: relevant is 2"),
        ([(0.8, False)] * 10 + [(0.2, True)] * 10, "do not rise with relevance"),
        ([(0.5, False)] * 10 + [(0.5, True)] * 10, "do not rise with relevance"),
    ],
)
@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_what_cannot_be_fitted(pairs: list[Pair], named: str, method: Method) -> None:
    with pytest.raises(CallerError, match=named):
        fit_calibrator(pairs, model="m", method=method)


def test_unknown_names() -> None:
    with pytest.raises(CallerError, match="'beta'; choose one of: platt, isotonic"):
        fit_calibrator(GOOD, model="m", method="beta")  # type: ignore[arg-type]
    with pytest.raises(CallerError, match="'logits'; choose one of: probability, any"):
        fit_calibrator(GOOD, model="m", scale="logits")  # type: ignore[arg-type]
