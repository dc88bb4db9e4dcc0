import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from foveate.errors import CallerError
from foveate.retrievers.geometry.reliability import auroc, ranks, reliability


def test_by_hand() -> None:
    uncertainty = np.arange(8.0)
    hit = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=bool)
    found = reliability(uncertainty, hit, bins=4)
    assert found.recalls == (1.0, 0.5, 0.5, 0.0)
    assert found.falls == pytest.approx(-stats.spearmanr(range(4), found.recalls).statistic)
    assert found.r2 == pytest.approx(stats.linregress(range(4), found.recalls).rvalue ** 2)
    assert found.auroc == pytest.approx(roc_auc_score(~hit, uncertainty)) == 15 / 16


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_auroc_is_scikit_learns(higher: list[int], lower: list[int]) -> None:
    labels = [1] * len(higher) + [0] * len(lower)
    expected = roc_auc_score(labels, higher + lower)
    assert auroc(np.array(higher, float), np.array(lower, float)) == pytest.approx(expected)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=15))
def test_ranks_are_scipys(values: list[int]) -> None:
    assert ranks(np.array(values, float)) == pytest.approx(stats.rankdata(values) - 1)


def test_unknown_is_nan_and_json_null() -> None:
    found = reliability(np.arange(6.0), np.ones(6, dtype=bool), bins=3)
    assert np.isnan([found.falls, found.r2, found.auroc]).all()
    assert found.to_dict() == {"falls": None, "r2": None, "auroc": None, "recalls": [1.0, 1.0, 1.0]}


def test_what_cannot_be_binned_is_refused() -> None:
    hit = np.array([True, False, True])
    for uncertainty, bins, words in (
        (np.arange(2.0), 2, "shape"),
        (np.array([0.0, np.nan, 1.0]), 2, "finite"),
        (np.arange(3.0), 4, "4 bins of 3"),
        (np.arange(3.0), 1, "1 bins"),
    ):
        with pytest.raises(CallerError, match=words):
            reliability(uncertainty, hit, bins=bins)
