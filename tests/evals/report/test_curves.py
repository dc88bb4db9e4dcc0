import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.calibration import ece
from foveate.evals.metrics.risk import aurc
from foveate.evals.report.curves import bins, risk_coverage, scored

pairs = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40)


def test_curve_by_hand() -> None:
    columns = np.array([[0.9, 1.0], [0.8, 0.0], [0.2, 1.0], [0.1, 0.0]])
    coverage, risk = risk_coverage(columns)
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(risk, [0, 1 / 2, 1 / 3, 1 / 2])


@given(pairs)
def test_the_curve_is_the_one_that_aurc_is_the_area_of(rows: list[tuple[float, float]]) -> None:
    columns = np.array(rows)
    coverage, risk = risk_coverage(columns)
    assert risk.mean() == pytest.approx(aurc(columns))
    assert coverage[-1] == 1.0 and risk[-1] == pytest.approx(1 - columns[:, 1].mean())


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(0)
    columns = np.stack([rng.random(5000), rng.integers(0, 2, 5000)], axis=1).astype(float)
    coverage, risk = risk_coverage(columns)
    assert len(coverage) == len(risk) == 600
    assert (coverage[0], coverage[-1]) == (1 / 5000, 1.0) and (np.diff(coverage) > 0).all()


@given(pairs)
def test_the_bins_are_those_that_ece_sums(rows: list[tuple[float, float]]) -> None:
    columns = np.array(rows)
    columns = columns[columns[:, 0] < 1]  # 1 is a bin of its own there and joins the last one here
    found = bins(columns)
    assert sum(item.count for item in found) == len(columns)
    gap = sum(item.count * abs(item.right - item.confidence) for item in found if item.count)
    if len(columns):
        assert gap / len(columns) == pytest.approx(ece(columns))


def test_empty_bins_are_nan_and_one_is_in_the_last() -> None:
    found = bins(np.array([[1.0, 1.0], [0.05, 0.0]]), 10)
    assert [item.count for item in found] == [1, *[0] * 8, 1]
    assert np.isnan(found[4].right) and found[9].right == 1.0


def test_only_rows_without_nan_are_scored() -> None:
    columns = np.array([[0.1, 1.0], [np.nan, 1.0], [0.3, np.nan]])
    np.testing.assert_array_equal(scored(columns), [[0.1, 1.0]])
