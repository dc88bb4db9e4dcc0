"""Conditional logit against scikit-learn's regressions, which are special cases of it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.rerankers.reasoning.logit import fit_logit, softmax


def sample(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 2))
    scores = x @ np.array([[1.0, -0.5, 0.0], [0.2, 0.8, 0.0]]) + rng.gumbel(size=(120, 3))
    return x, scores.argmax(axis=1)


@pytest.mark.parametrize("strength", [0.1, 3.0])
def test_multinomial_regression_is_the_case_of_features_a_label(strength: float) -> None:
    from sklearn.linear_model import LogisticRegression

    x, chosen = sample(1)
    features = np.zeros((len(x), 3, 6))
    for label in range(3):
        features[:, label, 2 * label : 2 * label + 2] = x
    ours = fit_logit(features, chosen, np.zeros(6), strength).reshape(3, 2)
    theirs = LogisticRegression(C=1.0 / strength, fit_intercept=False, tol=1e-10, max_iter=5000).fit(x, chosen)
    assert ours == pytest.approx(theirs.coef_, abs=1e-4)


def test_two_alternatives_are_a_regression_of_their_difference() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(2)
    features = rng.normal(size=(80, 2, 3))
    chosen = (features[:, 1, 0] - features[:, 0, 0] + rng.normal(size=80) > 0).astype(np.int64)
    ours = fit_logit(features, chosen, np.zeros(3), 1.0)
    theirs = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10).fit(features[:, 1] - features[:, 0], chosen)
    assert ours == pytest.approx(theirs.coef_[0], abs=1e-4)


def test_separable_data_have_a_finite_answer_and_nothing_seen_leaves_the_prior() -> None:
    features = np.zeros((30, 3, 1))
    chosen = np.arange(30) % 3
    features[np.arange(30), chosen, 0] = 1.0
    weight = fit_logit(features, chosen, np.ones(1), 0.1)[0]
    # By hand: 30 * (1 - p) = 0.1 * (w - 1), where p is the softmax of (w, 0, 0).
    assert 30 * (1 - np.exp(weight) / (np.exp(weight) + 2)) == pytest.approx(0.1 * (weight - 1), abs=1e-6)
    prior = np.array([2.0, -1.0])
    assert fit_logit(np.zeros((0, 3, 2)), np.zeros(0, dtype=np.int64), prior, 0.5) == pytest.approx(prior)


def test_refused() -> None:
    for features, chosen in ((np.zeros((2, 3, 1)), np.array([0])), (np.full((1, 3, 1), np.nan), np.array([0]))):
        with pytest.raises(CallerError, match="logit"):
            fit_logit(features, chosen, np.zeros(1), 0.1)
    with pytest.raises(CallerError, match="logit"):
        fit_logit(np.zeros((1, 3, 1)), np.array([3]), np.zeros(1), 0.1)


def test_softmax_does_not_overflow() -> None:
    assert softmax(np.array([[1000.0, 1000.0, -1000.0]])).tolist() == [[0.5, 0.5, 0.0]]
