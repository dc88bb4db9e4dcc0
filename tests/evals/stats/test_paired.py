import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns, mean
from foveate.evals.stats import Paired, paired
from foveate.evals.stats.clusters import clustered
from foveate.evals.stats.permutation import flip_signs, swap_clusters

NAN = float("nan")


def column(values: object) -> Columns:
    return np.asarray(values, dtype=np.float64)[:, None]


def ratio(columns: Columns) -> float:
    total = float(columns[:, 1].sum())
    return float(columns[:, 0].sum()) / total if total else NAN


def test_exact_by_hand() -> None:
    # All three differ the same way: 2 of the 8 labellings are as far out.
    found = paired(column([3.0, 2.0, 4.0]), column([1.0, 1.0, 1.0]))
    assert found.difference == 2.0 and found.p_value == 2 / 8 and found.draws == 0
    assert "all labellings" in found.method and found.better is None


def test_exact_with_clusters() -> None:
    # Sums 3, 1, -1 over three media: |s| >= 3 for 3+1-1, 3-1+1, 3+1+1, 3-1-1=1 not: 6 of 8.
    a, b = column([2.0, 1.0, 1.0, 0.0]), column([0.0, 0.0, 0.0, 1.0])
    found = paired(a, b, mean, ["x", "x", "y", ""])
    assert found.clusters == 3 and found.p_value == 6 / 8
    assert found.p_value == sum(abs(s + t + u) >= 3 for s, t, u in itertools.product((3, -3), (1, -1), (1, -1))) / 8


def test_agrees_with_scipys_permutation_test() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(0.3, 1.0, 10)
    b = rng.normal(0.0, 1.0, 10)
    reference = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert paired(column(a), column(b)).p_value == pytest.approx(reference.pvalue)


def test_agrees_with_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(0.25, 1.0, 150)
    b = rng.normal(0.0, 1.0, 150)
    found = paired(column(a), column(b), draws=20_000)
    reference = stats.ttest_rel(a, b)
    assert found.p_value == pytest.approx(reference.pvalue, abs=0.01)
    bounds = reference.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high), abs=0.03)


def test_binary_runs_agree_with_mcnemars_exact_test() -> None:
    a, b = column([1.0] * 80 + [0.0] * 20), column([1.0] * 68 + [0.0] * 12 + [0.0] * 16 + [1.0] * 4)
    found = paired(a, b, draws=50_000)
    # 12 went one way, 4 the other.
    assert found.p_value == pytest.approx(stats.binomtest(4, 16).pvalue, abs=0.005)
    # Agresti and Min by hand: (12.5 - 4.5) / 102 -+ 1.96 sqrt(17 - 64 / 102) / 102.
    centre, half = 8 / 102, 1.959964 * math.sqrt(17 - 64 / 102) / 102
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=2e-3)
    assert "Agresti-Min" in found.method


def test_a_statistic_that_is_the_mean_gives_the_means_p_value() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(9, 1)), rng.normal(size=(9, 1))
    groups = ["x", "x", "y", "y", "", "", "z", "z", "z"]
    fast, slow = paired(a, b, mean, groups), paired(a, b, lambda rows: mean(rows), groups)
    assert slow.p_value == fast.p_value and slow.difference == pytest.approx(fast.difference)
    drawn = swap_clusters(a, b, clustered(np.hstack([a, b]), [""] * 9), mean, 10, 0)
    assert 0.0 < drawn[0] <= 1.0


def test_other_statistics_swap_whole_clusters() -> None:
    rng = np.random.default_rng(3)
    b = np.abs(rng.normal(size=(60, 2))) + 0.5
    a = b * np.array([1.4, 1.0])
    groups = [str(i // 3) for i in range(60)]
    found = paired(a, b, ratio, groups, draws=400)
    assert found.better == "a" and found.p_value == 1 / 401 and found.low < found.difference < found.high
    assert paired(a, b, ratio, groups, draws=400, better="lower").better == "b"


def test_p_is_never_0() -> None:
    found = paired(column(np.full(50, 5.0) + np.arange(50)), column(np.zeros(50)), draws=99)
    assert found.p_value == 1 / 100 and found.draws == 99 and found.better == "a"
    assert flip_signs(np.ones(12), 10, 0) == (2 / 4096, 0)


def test_a_run_beside_itself() -> None:
    values = column([1.0, 0.0, 1.0] * 10)
    found = paired(values, values)
    assert found.difference == 0.0 and found.p_value == 1.0 and found.better is None
    assert found.low < 0.0 < found.high  # 30 samples without a difference do not exclude one
    unbounded = paired(values / 3, values / 3)
    assert math.isnan(unbounded.low) and unbounded.p_value == 1.0
    bounded = paired(values / 3, values / 3, bounds=(0.0, 1.0))
    assert -0.2 < bounded.low < 0.0 < bounded.high < 0.2


def test_unscored_in_either_run_is_dropped_and_counted() -> None:
    a, b = column([1.0, NAN, 1.0, 0.0, 1.0]), column([0.0, 1.0, NAN, 0.0, 0.0])
    found = paired(a, b)
    assert (found.n, found.dropped) == (3, 2) and found.difference == pytest.approx(2 / 3)


def test_nothing_to_compare() -> None:
    found = paired(column([NAN, 1.0]), column([1.0, NAN]))
    assert math.isnan(found.difference) and math.isnan(found.p_value) and found.better is None and found.n == 0
    body = found.to_dict()
    assert body["difference"] is None and body["p_value"] is None and set(body) == set(Paired.__slots__)
    json.dumps(body, allow_nan=False)


pairs = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from(["", "a", "b"])),
    min_size=2,
    max_size=20,
)


@given(pairs, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_swapping_the_runs_negates_and_order_does_not_matter(
    rows: list[tuple[float, float, str]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def of(found: list[tuple[float, float, str]], turned: bool) -> Paired:
        a, b = column([row[0] for row in found]), column([row[1] for row in found])
        groups = [row[2] for row in found]
        return paired(b, a, mean, groups, draws=100) if turned else paired(a, b, mean, groups, draws=100)

    one, turned = of(rows, False), of(rows, True)
    assert of(shuffled, False).to_dict() == one.to_dict()
    assert turned.difference == pytest.approx(-one.difference)
    # The draws are the same only where all labellings are counted.
    if one.draws == 0:
        assert turned.p_value == one.p_value
    if not math.isnan(one.low):
        assert one.low <= one.difference <= one.high


def test_p_values_of_equal_systems_are_uniform() -> None:
    rng = np.random.default_rng(4)
    groups = [str(i // 2) for i in range(60)]
    found = []
    for seed in range(500):
        shared = np.repeat(rng.normal(size=30), 2)
        a, b = shared + rng.normal(size=60), shared + rng.normal(size=60)
        found.append(paired(column(a), column(b), mean, groups, draws=199, seed=seed).p_value)
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_whole_clusters_are_swapped_not_samples() -> None:
    rng, wrong, right = np.random.default_rng(5), 0, 0
    groups = [str(i // 10) for i in range(150)]
    for seed in range(200):
        gaps = np.repeat(rng.normal(size=15), 10) + 0.3 * rng.normal(size=150)
        a, b = column(gaps), column(np.zeros(150))
        wrong += paired(a, b, mean, draws=199, seed=seed).p_value <= 0.05
        right += paired(a, b, mean, groups, draws=199, seed=seed).p_value <= 0.05
    assert right / 200 < 0.11 < 0.3 < wrong / 200


def test_runs_that_do_not_fit_are_the_callers_fault() -> None:
    with pytest.raises(CallerError, match="two runs of the same samples"):
        paired(np.zeros((3, 1)), np.zeros((2, 1)))
    with pytest.raises(CallerError, match="draws"):
        paired(np.zeros((3, 1)), np.zeros((3, 1)), draws=0)
