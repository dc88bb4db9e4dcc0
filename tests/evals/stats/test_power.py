import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from foveate.errors import CallerError
from foveate.evals.metrics.metric import mean
from foveate.evals.stats import design_effect, detectable, needed, paired, plan, power_of


def test_needed_by_hand() -> None:
    # (1.95996 + 0.84162)^2 = 7.8489; times (0.5 / 0.02)^2 = 625: 4905.5. Half the difference takes four times that.
    assert needed(0.02, 0.5) == 4906
    assert needed(0.01, 0.5) == 19623
    assert needed(-0.02, 0.5, design_effect=2.0) == 9812
    assert needed(10.0, 0.5) == 2


def test_detectable_by_hand() -> None:
    assert detectable(100, 0.5) == pytest.approx(2.80159 * 0.05, abs=1e-5)
    assert detectable(100, 0.5, design_effect=4.0) == pytest.approx(2.80159 * 0.1, abs=1e-5)


def test_power_agrees_with_the_noncentral_t() -> None:
    n, shift = 400, 0.06 / (0.5 / math.sqrt(400))
    edge = stats.t.ppf(0.975, n - 1)
    exact = stats.nct.sf(edge, n - 1, shift) + stats.nct.cdf(-edge, n - 1, shift)
    assert power_of(0.06, n, 0.5) == pytest.approx(exact, abs=0.005)
    assert power_of(0.0, n, 0.5) == pytest.approx(0.05)


@given(st.floats(0.005, 0.5), st.floats(0.05, 2.0), st.floats(0.5, 5.0), st.floats(0.5, 0.99), st.floats(0.8, 0.999))
def test_the_three_agree(difference: float, sd: float, effect: float, power: float, level: float) -> None:
    n = needed(difference, sd, design_effect=effect, power=power, level=level)
    assert power_of(difference, n, sd, design_effect=effect, level=level) >= power - 1e-9
    assert detectable(n, sd, design_effect=effect, power=power, level=level) <= difference * (1 + 1e-9)
    if n > 2:
        assert detectable(n - 1, sd, design_effect=effect, power=power, level=level) > difference * (1 - 1e-9)


def test_rejections_are_as_often_as_stated() -> None:
    rng = np.random.default_rng(3)
    n = needed(0.2, 1.0, power=0.8)
    found = 0
    for seed in range(500):
        a = rng.normal(size=(n, 1))
        b = a + rng.normal(0.2, 1.0, size=(n, 1))
        found += paired(a, b, mean, draws=300, seed=seed).p_value < 0.05
    assert found / 500 == pytest.approx(0.8, abs=0.06)


def test_design_effect_of_copies_is_their_number() -> None:
    values = np.arange(50.0) % 7
    copied = np.repeat(values, 4)[:, None]
    groups = [str(i // 4) for i in range(200)]
    # Four copies say no more than one. The factor is what small samples take from either variance.
    assert design_effect(copied, groups) == pytest.approx(4.0 * (199 / 200) * (50 / 49), rel=1e-9)
    assert design_effect(copied, [""] * 200) == pytest.approx(1.0)


def test_design_effect_by_correlation() -> None:
    rng = np.random.default_rng(0)
    shared = np.repeat(rng.normal(size=2_000), 5) * math.sqrt(0.3)
    values = shared + rng.normal(size=10_000) * math.sqrt(0.7)
    groups = [str(i // 5) for i in range(10_000)]
    assert design_effect(values[:, None], groups) == pytest.approx(1 + 4 * 0.3, abs=0.12)


def test_design_effect_unknown() -> None:
    assert math.isnan(design_effect(np.ones((4, 1)), ["a", "a", "b", "b"]))
    assert math.isnan(design_effect(np.arange(4.0)[:, None], ["a"] * 4))


def test_plan_of_one_binary_run_says_what_it_assumes() -> None:
    scores = np.array([[1.0]] * 80 + [[0.0]] * 20)
    found = plan(scores)
    # Independent runs of share 0.8: variance of the difference 2 x 0.16 x 100 / 99.
    assert found.sd == pytest.approx(math.sqrt(0.32 * 100 / 99))
    assert found.samples == needed(0.02, found.sd) == 6343
    assert "unrelated" in found.assumed and found.assumed in found.sentence
    assert found.sentence.startswith("To see 2 points with probability 0.8 at level 0.95 takes 6,343 samples; the 100")
    related = plan(scores, correlation=0.5)
    assert related.samples == needed(0.02, found.sd / math.sqrt(2)) and "by 0.5" in related.assumed


def test_plan_of_two_runs_measures_the_differences() -> None:
    rng = np.random.default_rng(1)
    a = (rng.random((300, 1)) < 0.8).astype(np.float64)
    b = np.where(rng.random((300, 1)) < 0.1, 1.0 - a, a)
    groups = [str(i // 3) for i in range(300)]
    found = plan(a, b, groups, difference=0.01)
    assert found.sd == pytest.approx(float((a - b).std(ddof=1)))
    assert found.assumed == "" and "1 point " in found.sentence
    assert found.samples is not None and found.samples < (plan(a, difference=0.01).samples or 0)
    assert power_of(found.detectable, 300, found.sd, design_effect=found.design_effect) == pytest.approx(0.8, abs=1e-3)


def test_plan_knows_when_scores_do_not_say() -> None:
    for scores, groups in ((np.ones((30, 1)), [""] * 30), (np.arange(4.0)[:, None] % 2, ["a"] * 4)):
        found = plan(scores, groups=groups)
        assert found.samples is None and "do not say" in found.sentence
        body = found.to_dict()
        assert body["samples"] is None and body["detectable"] is None and body["design_effect"] is None
        json.dumps(body, allow_nan=False)
    assert plan(np.full((3, 1), np.nan)).samples is None


def test_unscored_samples_are_left_out() -> None:
    nan = float("nan")
    assert plan(np.array([[1.0], [0.0], [nan], [1.0]])).have == 3
    assert plan(np.array([[1.0], [0.0], [nan], [1.0]]), np.array([[nan], [1.0], [0.0], [1.0]])).have == 2


def test_bad_input_is_named() -> None:
    scores = np.array([[1.0], [0.0]])
    for call, text in (
        (lambda: needed(0.0, 1.0), "difference"),
        (lambda: needed(0.1, 0.0), "sd_of_differences"),
        (lambda: needed(0.1, 1.0, design_effect=-1.0), "design_effect"),
        (lambda: needed(0.1, 1.0, power=1.0), "power"),
        (lambda: needed(0.1, 1.0, level=95), "level"),
        (lambda: detectable(0, 1.0), "n must be"),
        (lambda: plan(scores, correlation=1.0), "correlation"),
        (lambda: plan(scores, scores[:1]), "two runs"),
    ):
        with pytest.raises(CallerError, match=text):
            call()
