import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns, mean
from foveate.evals.stats import Interval, interval

NAN = float("nan")
Z2 = 1.959963984540054**2


def column(values: NDArray[np.float64] | list[float]) -> Columns:
    return np.asarray(values, dtype=np.float64)[:, None]


def median(columns: Columns) -> float:
    return float(np.median(columns[:, 0])) if len(columns) else NAN


def correlation(columns: Columns) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(columns.T)[0, 1])


def test_binary_scores_that_stand_alone_give_wilsons_interval() -> None:
    found = interval(column([1.0] * 700 + [0.0] * 300))
    reference = stats.binomtest(700, 1000).proportion_ci(method="wilson")
    # Student's point at 999 degrees and n - 1 in the variance: a thousandth wider.
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-4)
    assert found.high - found.low >= reference.high - reference.low
    assert found.value == 0.7 and found.draws == 0 and found.method.startswith("Wilson")


def test_all_right_is_not_certain() -> None:
    found = interval(column([1.0] * 30))
    # Wilson for 30 of 30, with Student's point for 29 degrees.
    t2 = float(stats.t.ppf(0.975, 29)) ** 2
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(30 / (30 + t2))
    shared = interval(column([1.0] * 30), groups=[str(i // 10) for i in range(30)])
    assert shared.low < found.low  # three media say less than thirty


def test_copies_do_not_make_it_surer() -> None:
    values = column([1.0, 0.0, 1.0, 1.0, 0.0] * 20)
    once = interval(values)
    names = [str(i) for i in range(100)]
    copied = interval(np.repeat(values, 7, axis=0), groups=[name for name in names for _ in range(7)])
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=2e-3)
    assert copied.clusters == 100 and copied.scored == 700


def test_normal_scores_agree_with_students_t() -> None:
    values = np.random.default_rng(5).normal(10.0, 2.0, 200)
    found = interval(column(values), draws=4_000)
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.05)
    assert found.method == "bootstrap-t over clusters" and found.draws == 4_000


def test_few_clusters_fall_back_on_students_t() -> None:
    values = np.array([0.3, 0.5, 0.1, 0.9])
    found = interval(column(values))
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert found.method == "cluster-robust t"


def test_another_statistic_agrees_with_scipys_bca() -> None:
    rng = np.random.default_rng(2)
    pairs = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]], 150)
    found = interval(pairs, correlation, draws=4_000)
    reference = stats.bootstrap(
        (pairs[:, 0], pairs[:, 1]),
        lambda x, y: np.corrcoef(x, y)[0, 1],
        paired=True,
        vectorized=False,
        n_resamples=4_000,
        method="BCa",
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.02)
    assert found.method == "BCa bootstrap over clusters"


def test_known_bounds_give_equal_scores_a_width() -> None:
    same = column([0.7] * 40)
    unknown = interval(same)
    assert math.isnan(unknown.low) and math.isnan(unknown.high) and unknown.method.startswith("none: all scores")
    found = interval(same, bounds=(0.0, 1.0))
    share = 1.0 - 40 / (40 + float(stats.t.ppf(0.975, 39)) ** 2)
    assert (found.low, found.high) == pytest.approx((0.7 * (1.0 - share), 0.7 + 0.3 * share))


def test_zeros_and_ones_are_bounded_unless_said_otherwise() -> None:
    values = column([1.0] * 20)
    assert interval(values).low == interval(values, bounds=(0.0, 1.0)).low
    assert math.isnan(interval(values, binary=False).low)


def test_bounds_scale() -> None:
    values = np.random.default_rng(0).random(60)
    one, other = interval(column(values), bounds=(0.0, 1.0)), interval(column(values * 10 - 5), bounds=(-5.0, 5.0))
    assert (other.low, other.high) == pytest.approx((one.low * 10 - 5, one.high * 10 - 5))


def test_what_cannot_be_said_is_nan() -> None:
    one = interval(column([1.0, 0.0, 1.0]), groups=["a", "a", "a"])
    assert one.value == pytest.approx(2 / 3) and one.method == "none: one cluster" and one.clusters == 1
    empty = interval(column([NAN, NAN]))
    assert math.isnan(empty.value) and empty.scored == 0 and empty.unscored == 2
    assert empty.method == "none: no scored samples"
    absent = interval(np.ones((20, 2)), correlation)
    assert math.isnan(absent.value) and absent.method == "none: the figure does not exist"
    flat = interval(column([2.0] * 19 + [3.0]), median, draws=50)
    assert flat.value == 2.0 and flat.method.startswith("none: the draws")
    for found in (one, empty, absent, flat):
        assert math.isnan(found.low) and math.isnan(found.high) and found.draws == 0


def test_unscored_rows_change_nothing_but_their_count() -> None:
    values = np.random.default_rng(1).exponential(size=30)
    found, with_gaps = interval(column(values)), interval(column([*values, NAN, NAN]))
    assert (found.low, found.high) == (with_gaps.low, with_gaps.high)
    assert (found.unscored, with_gaps.unscored) == (0, 2)


def test_json_form() -> None:
    body = interval(column([1.0]), seed=7).to_dict()
    assert body["low"] is None and body["high"] is None and body["value"] == 1.0 and body["seed"] == 7
    assert set(body) == set(Interval.__slots__)
    json.dumps(body, allow_nan=False)


samples = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]), st.sampled_from(["", "a", "b", "c", "d", "e"])),
    min_size=2,
    max_size=25,
)


@given(samples, st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=60, deadline=None)
def test_same_for_any_order_and_seed_and_holds_the_mean(
    rows: list[tuple[float, str]], random: object, bounded: bool
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        interval(
            column([value for value, _ in found]),
            groups=[group for _, group in found],
            draws=60,
            seed=4,
            bounds=(0.0, 3.0) if bounded else None,
        ).to_dict()
        for found in (rows, shuffled)
    )
    assert one == other
    if one["low"] is not None:
        assert one["low"] <= one["value"] <= one["high"]
        assert not bounded or 0.0 <= one["low"] <= one["high"] <= 3.0


@given(samples)
@settings(max_examples=30, deadline=None)
def test_a_higher_level_is_wider(rows: list[tuple[float, str]]) -> None:
    values, groups = column([value for value, _ in rows]), [group for _, group in rows]
    narrow, wide = (interval(values, groups=groups, draws=100, level=level) for level in (0.8, 0.99))
    if not math.isnan(narrow.low):
        assert wide.low <= narrow.low and narrow.high <= wide.high


def test_seed_matters_and_any_statistic_is_order_invariant() -> None:
    rng = np.random.default_rng(0)
    pairs, groups = rng.normal(size=(60, 2)), [str(i // 3) for i in range(60)]
    order = rng.permutation(60)
    one = interval(pairs, correlation, groups, draws=200)
    assert interval(pairs[order], correlation, [groups[i] for i in order], draws=200) == one
    assert interval(pairs, correlation, groups, draws=200, seed=1).low != one.low
    clipped = interval(pairs, correlation, groups, draws=200, bounds=(0.0, 1.0))
    assert clipped.low == max(0.0, one.low)


def test_bad_input_is_named() -> None:
    values = column([0.0, 2.0])
    for call, text in (
        (lambda: interval(values, level=95), "level"),
        (lambda: interval(values, draws=0), "draws"),
        (lambda: interval(values, bounds=(0.0, 1.0)), r"2\.0 lies outside"),
        (lambda: interval(values, bounds=(1.0, 0.0)), "low < high"),
        (lambda: interval(values, groups=["a"]), "2 samples, 1 groups"),
    ):
        with pytest.raises(CallerError, match=text):
            call()


def test_fifteen_thousand_rows_are_fast() -> None:
    values = column(np.random.default_rng(0).exponential(size=15_000))
    groups = [str(i % 2_000) for i in range(15_000)]
    start = time.process_time()
    assert interval(values, mean, groups, draws=2_000).method == "bootstrap-t over clusters"
    # 0.25 s alone on one core; the room is for a machine that does other things.
    assert time.process_time() - start < 1.5


def runs(kind: str, rng: np.random.Generator) -> tuple[Columns, list[str], float]:
    """One synthetic run, its media and the truth."""
    sizes = {"alone": np.ones(60, int), "equal": np.full(25, 4), "unequal": rng.geometric(0.2, 40)}[kind.split()[0]]
    media = np.repeat(np.arange(len(sizes)), sizes)
    score = 0.5 * rng.normal(size=len(sizes))[media] + math.sqrt(0.75) * rng.normal(size=len(media))
    if len(sizes) == 60:
        score = rng.normal(size=60)
    groups = [str(number) for number in media]
    if kind.endswith("binary"):
        return column((score < 0.8416212).astype(np.float64)), groups, 0.8
    return column(np.exp(0.5 * score)), groups, math.exp(0.125)


@pytest.mark.parametrize("kind", [f"{a} {b}" for a in ("alone", "equal", "unequal") for b in ("binary", "skewed")])
def test_coverage_over_2000_synthetic_runs(kind: str) -> None:
    rng, held = np.random.default_rng(11), 0
    for seed in range(2_000):
        values, groups, truth = runs(kind, rng)
        found = interval(values, groups=groups, draws=200, seed=seed)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 2_000 <= 0.97
