import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.probes.intervals import figure


def test_unknown_is_left_out_and_counted() -> None:
    found = figure(np.array([1.0, np.nan, 3.0]))
    assert found.value == 2.0 and found.n == 2
    assert found.low == 1.0 and found.high == 3.0


def test_too_few_values_have_no_interval() -> None:
    none, one = figure(np.array([np.nan])), figure(np.array([4.0]))
    assert np.isnan(none.value) and none.n == 0
    assert one.value == 4.0 and one.n == 1 and np.isnan(one.low) and np.isnan(one.high)


def test_close_to_the_normal_interval() -> None:
    values = np.random.default_rng(3).normal(size=400)
    found = figure(values)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.015)
    assert found.high == pytest.approx(values.mean() + half, abs=0.015)
    assert figure(values) == found != figure(values, seed=1)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20))
def test_the_mean_lies_inside(values: list[float]) -> None:
    found = figure(np.array(values))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
