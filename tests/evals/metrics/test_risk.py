import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.metric import Columns, Context
from foveate.evals.metrics.risk import BEHIND, aurc, coverage_at, curve, risk_at
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample

EVERY = ("aurc", "risk@0.5", "coverage@0.1")
pairs = st.lists(st.tuples(st.integers(0, 4).map(lambda n: n / 4), st.sampled_from([0.0, 1.0])), min_size=1, max_size=6)


def rows(*items: tuple[float, float]) -> Columns:
    return np.array(items, dtype=np.float64).reshape(len(items), 2)


def slow_aurc(columns: Columns) -> float:
    """For each k, the k surest are looked for anew: O(n^2), confidences without ties."""
    risks = []
    for k in range(1, len(columns) + 1):
        taken = [r for c, r in columns if sum(other > c for other in columns[:, 0]) < k]
        assert len(taken) == k
        risks.append(sum(1 - r for r in taken) / k)
    return sum(risks) / len(risks)


def test_aurc_equals_its_slow_definition() -> None:
    rng = np.random.default_rng(5)
    for size in (1, 2, 7, 60):
        columns = np.stack([rng.permutation(size) / size, rng.integers(0, 2, size)], axis=1).astype(np.float64)
        assert aurc(columns) == pytest.approx(slow_aurc(columns), abs=1e-12)


@given(pairs)
def test_ties_count_as_the_mean_over_their_orders(items: list[tuple[float, float]]) -> None:
    curves = []
    for order in itertools.permutations(items):
        ranked = sorted(order, key=lambda item: -item[0])  # stable: ties stay in this permutation's order
        curves.append(np.cumsum([1 - right for _, right in ranked]) / np.arange(1, len(ranked) + 1))
    assert curve(rows(*items)) == pytest.approx(np.mean(curves, axis=0), abs=1e-9)


def test_by_hand() -> None:
    columns = rows((0.9, 1), (0.8, 1), (0.7, 0), (0.6, 1), (0.5, 0))
    assert curve(columns) == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5])
    assert aurc(columns) == pytest.approx((1 / 3 + 1 / 4 + 2 / 5) / 5)
    assert risk_at(columns, 0.4) == 0.0
    assert risk_at(columns, 0.41) == pytest.approx(1 / 3)
    assert risk_at(columns, 1.0) == pytest.approx(2 / 5)
    assert coverage_at(columns, 0.0) == 0.4
    assert coverage_at(columns, 0.25) == 0.8
    assert coverage_at(columns, 0.24) == 0.4
    assert coverage_at(columns, 0.4) == 1.0


def test_a_threshold_takes_a_tie_whole_or_not_at_all() -> None:
    columns = rows((0.9, 1), (0.5, 1), (0.5, 0))
    assert risk_at(columns, 2 / 3) == pytest.approx(0.25)
    assert coverage_at(columns, 0.25) == pytest.approx(1 / 3)
    assert coverage_at(rows((0.5, 1), (0.5, 0)), 0.1) == 0.0


def test_a_share_of_the_rows_is_not_rounded_up_by_floating_point() -> None:
    # Of 100 rows 0.07 is seven; the eighth is wrong.
    columns = rows(*((1 - i / 100, float(i != 7)) for i in range(100)))
    assert 0.07 * 100 > 7
    assert risk_at(columns, 0.07) == 0.0
    assert risk_at(columns, 0.08) == pytest.approx(1 / 8)


@given(pairs, st.randoms())
def test_bounds_order_and_the_best_and_worst_confidence(items: list[tuple[float, float]], rng: random.Random) -> None:
    shuffled = items[:]
    rng.shuffle(shuffled)
    columns = rows(*items)
    error = 1 - columns[:, 1].mean()
    for statistic in (aurc, lambda c: risk_at(c, 0.5), lambda c: coverage_at(c, 0.3)):
        assert 0.0 <= statistic(columns) <= 1.0
        assert statistic(rows(*shuffled)) == pytest.approx(statistic(columns), abs=1e-12)
    assert risk_at(columns, 1.0) == pytest.approx(error)
    best = rows(*((right, right) for _, right in items))
    worst = rows(*((1 - right, right) for _, right in items))
    assert aurc(best) <= aurc(columns) + 1e-12
    assert aurc(columns) <= aurc(worst) + 1e-12
    assert coverage_at(best, 0.0) == pytest.approx(1 - error)


def test_constant_confidence_has_the_error_rate_at_every_coverage() -> None:
    columns = rows(*((0.5, float(i % 4 != 0)) for i in range(8)))
    assert curve(columns) == pytest.approx([0.25] * 8)
    assert aurc(columns) == pytest.approx(0.25)


def test_no_rows_have_no_figure() -> None:
    assert math.isnan(aurc(rows()))
    assert math.isnan(risk_at(rows(), 0.5))
    assert math.isnan(coverage_at(rows(), 0.5))


@pytest.mark.parametrize("name", EVERY)
def test_what_is_scored(name: str) -> None:
    open_, closed, unknown = (
        Sample(id="open", answers=("cat",)),
        Sample(id="closed", answerable=False),
        Sample(id="unknown"),
    )
    cases = [
        (open_, Output(text="cat", confidence=0.9, verdict="answered"), (0.9, 1.0)),
        (open_, Output(text="dog", confidence=0.8, verdict="answered"), (0.8, 0.0)),
        (closed, Output(text="dog", confidence=0.7, verdict="answered"), (0.7, 0.0)),
        # What was not answered stands behind, whatever confidence came with it, and even without one.
        (open_, Output(confidence=0.99, verdict="unanswerable"), (BEHIND, 0.0)),
        (closed, Output(verdict="unanswerable"), (BEHIND, 0.0)),
        (open_, Output(text="cat", verdict="answered"), (np.nan, 1.0)),
        (open_, Output(text="cat", confidence=1.5), (np.nan, 1.0)),
        (open_, Output(confidence=0.5), (0.5, np.nan)),
        (unknown, Output(text="cat", confidence=0.5), (0.5, np.nan)),
        (unknown, Output(verdict="unanswerable", confidence=0.1), (np.nan, np.nan)),
    ]
    found = metric(name).rows([case[0] for case in cases], [case[1] for case in cases], Context())
    assert np.array_equal(found, [case[2] for case in cases], equal_nan=True)


def test_metrics_carry_their_cut_offs() -> None:
    columns = rows((0.9, 1), (0.8, 0), (0.7, 0))
    assert metric("risk@0.3").statistic(columns) == 0.0
    assert metric("risk@1").statistic(columns) == pytest.approx(2 / 3)
    assert metric("coverage@0.5").statistic(columns) == pytest.approx(2 / 3)
    assert metric("coverage@0").statistic(columns) == pytest.approx(1 / 3)
    assert (metric("risk@0.3").better, metric("coverage@0.5").better, metric("aurc").better) == (
        "lower",
        "higher",
        "lower",
    )
