import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.covariance import LedoitWolf

from foveate.errors import CallerError
from foveate.retrievers.geometry.reliability import auroc
from foveate.retrievers.geometry.whitening import Whitening, ledoit_wolf


def rows(count: int = 500, dim: int = 8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + rng.normal(size=dim)


def test_whitened_training_vectors_have_identity_covariance() -> None:
    data = rows()
    whitened = Whitening.fit(data, kept=1.0, shrinkage=0.0).whiten(data)
    assert whitened.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-9)
    assert whitened.T @ whitened / len(data) == pytest.approx(np.eye(8), abs=1e-9)


def test_rank_deficient_vectors_are_whitened_in_their_own_directions() -> None:
    data = rows(200, 5) @ np.random.default_rng(1).normal(size=(5, 40))
    fitted = Whitening.fit(data, kept=1.0, shrinkage=0.0)
    whitened = fitted.whiten(data)
    assert whitened.shape == (200, 5)
    assert whitened.T @ whitened / 200 == pytest.approx(np.eye(5), abs=1e-8)
    assert fitted.log_likelihood(data).mean() == pytest.approx(-0.5 * (math.log(2 * math.pi) + 1.0))


def test_likelihood_is_that_of_the_standard_normal() -> None:
    data = rows()
    fitted = Whitening.fit(data, kept=1.0, shrinkage=0.0)
    expected = stats.norm.logpdf(fitted.whiten(data)).mean(axis=1)
    assert fitted.log_likelihood(data) == pytest.approx(expected, abs=1e-9)
    # The same by the covariance itself: Mahalanobis distances.
    off = data - data.mean(axis=0)
    squares = np.einsum("nd,de,ne->n", off, np.linalg.inv(np.cov(data.T, bias=True)), off)
    assert fitted.log_likelihood(data) == pytest.approx(-0.5 * (math.log(2 * math.pi) + squares / 8), abs=1e-6)


@pytest.mark.parametrize(("count", "dim"), [(500, 8), (30, 60), (12, 100)])
def test_shrunk_as_scikit_learn_shrinks(count: int, dim: int) -> None:
    data = rows(count, dim)
    reference = LedoitWolf().fit(data)
    off = data - data.mean(axis=0)
    assert ledoit_wolf(off @ off.T, dim) == pytest.approx(reference.shrinkage_, abs=1e-9)
    # With every direction kept the likelihood is that of scikit-learn's covariance, null directions included.
    fresh = rows(5, dim, seed=3)
    fitted = Whitening.fit(data, kept=1.0)
    expected = -0.5 * (math.log(2 * math.pi) + reference.mahalanobis(fresh) / dim)
    assert fitted.log_likelihood(fresh) == pytest.approx(expected, rel=1e-6)


def test_the_rest_holds_the_variance_that_is_left() -> None:
    data = rows(400, 30)
    few = Whitening.fit(data, kept=0.5, shrinkage=0.0)
    trace = np.cov(data.T, bias=True).trace()
    assert few.variances.sum() + few.rest * (30 - len(few.variances)) == pytest.approx(trace)
    assert few.variances.sum() >= 0.5 * trace > few.variances[:-1].sum()
    cut = Whitening.fit(data, kept=1.0, shrinkage=0.0).leading(len(few.variances))
    assert cut.rest == pytest.approx(few.rest)
    assert cut.log_likelihood(data) == pytest.approx(few.log_likelihood(data))


@given(st.integers(0, 1000), st.floats(0.1, 10.0))
def test_turning_and_stretching_everything_changes_no_likelihood(seed: int, factor: float) -> None:
    data = rows(60, 6, seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))
    here = Whitening.fit(data).log_likelihood(data)
    there = Whitening.fit(factor * data @ turn).log_likelihood(factor * data @ turn)
    assert there == pytest.approx(here, rel=1e-5, abs=1e-6)


def test_outsiders_are_less_likely_than_vectors_held_out() -> None:
    data = rows(300, 50)
    fitted = Whitening.fit(data[:200])
    outside = rows(300, 50, seed=5)
    assert auroc(-fitted.log_likelihood(outside), -fitted.log_likelihood(data[200:])) > 0.95


def test_a_prior_counts_as_its_weight_says() -> None:
    before, data = rows(400, 6), rows(100, 6, seed=2)
    prior = Whitening.fit(before, kept=1.0, shrinkage=0.0)
    both = Whitening.fit(data, prior=prior, weight=400.0, kept=1.0, shrinkage=0.0)
    together = Whitening.fit(np.concatenate([before, data]), kept=1.0, shrinkage=0.0)
    assert both.log_likelihood(data) == pytest.approx(together.log_likelihood(data), abs=1e-8)
    assert both.count == 100
    none = Whitening.fit(np.zeros((0, 6)), prior=prior)
    assert none is prior
    one = Whitening.fit(data[:1], prior=prior)
    assert np.isfinite(one.log_likelihood(data)).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    data = rows(20, 4)
    prior = Whitening.fit(rows(20, 5))
    cases = [
        (lambda: Whitening.fit(data[:1]), "two or more"),
        (lambda: Whitening.fit(data[0]), "two or more"),
        (lambda: Whitening.fit(np.ones((5, 4))), "equal"),
        (lambda: Whitening.fit(np.full((5, 4), np.nan)), "finite"),
        (lambda: Whitening.fit(data, prior=prior), "prior of 5"),
        (lambda: Whitening.fit(data, kept=0.0), "kept is 0.0"),
        (lambda: Whitening.fit(data, shrinkage=1.5), r"shrinkage is 1\.5"),
        (lambda: Whitening.fit(data, prior=Whitening.fit(data), weight=0.0), "weight is 0.0"),
        (lambda: Whitening.fit(data).whiten(data[:, :3]), r"\(n, 4\)"),
        (lambda: Whitening.fit(data).leading(0), "at least 1"),
    ]
    for made, words in cases:
        with pytest.raises(CallerError, match=words):
            made()
