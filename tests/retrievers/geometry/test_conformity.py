import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.retrievers.geometry.conformity import Conformity


def test_by_hand() -> None:
    fitted = Conformity.fit([np.array([[1.0, 0.0], [0.0, 1.0]])])
    assert fitted.count == 2
    assert fitted.mean == pytest.approx([0.5**0.5, 0.5**0.5])
    found = fitted.conformity(np.array([[1.0, 0.0], [3.0, 3.0], [-1.0, -1.0], [1.0, -1.0], [0.0, 0.0]]))
    assert found[:4] == pytest.approx([0.5**0.5, 1.0, -1.0, 0.0])
    assert np.isnan(found[4])


@given(st.integers(0, 2**31), st.integers(1, 20), st.integers(1, 5))
def test_batches_do_not_matter(seed: int, count: int, parts: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(count, 6)) + 2.0
    whole = Conformity.fit([rows])
    apart = Conformity.fit(np.array_split(rows, parts))
    assert apart.count == whole.count == count
    assert apart.mean == pytest.approx(whole.mean)
    found = whole.conformity(rows)
    assert (np.abs(found) <= 1.0).all()
    assert found[::-1] == pytest.approx(whole.conformity(rows[::-1]))


def test_what_has_no_mean_is_refused() -> None:
    for batches in ([], [np.zeros((0, 3))]):
        with pytest.raises(CallerError, match="no vectors"):
            Conformity.fit(batches)
    with pytest.raises(CallerError, match="direction"):
        Conformity.fit([np.array([[1.0, 0.0], [-1.0, 0.0]])])
    with pytest.raises(CallerError, match="direction"):
        Conformity.fit([np.array([[np.nan, 0.0]])])
    with pytest.raises(CallerError, match=r"\(n, 2\)"):
        Conformity.fit([np.ones((2, 2))]).conformity(np.ones((1, 3)))
