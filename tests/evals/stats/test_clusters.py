import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.evals.stats.clusters import clustered, differences

NAN = float("nan")


def test_media_lie_side_by_side_and_unscored_rows_are_counted() -> None:
    columns = np.array([[3.0], [1.0], [NAN], [2.0], [5.0], [1.0]])
    found = clustered(columns, ["b", "", "b", "a", "b", ""])
    assert found.columns[:, 0].tolist() == [1.0, 1.0, 2.0, 3.0, 5.0]  # two alone, then a, then b
    assert found.sizes.tolist() == [1, 1, 1, 2]
    assert found.starts.tolist() == [0, 1, 2, 3]
    assert found.unscored == 1
    assert found.sums(found.columns[:, 0]).tolist() == [1.0, 1.0, 2.0, 8.0]
    assert found.rows(np.array([3, 0, 3])).tolist() == [3, 4, 0, 3, 4]


def test_a_nan_in_any_column_is_unscored() -> None:
    found = clustered(np.array([[1.0, NAN], [NAN, 2.0], [3.0, 4.0]]), ["", "", ""])
    assert found.columns.tolist() == [[3.0, 4.0]] and found.unscored == 2


def test_nothing_scored() -> None:
    found = clustered(np.full((2, 1), NAN), ["a", "b"])
    assert len(found.columns) == len(found.sizes) == len(found.sums(found.columns[:, 0])) == 0
    assert clustered(np.zeros((0, 1)), []).unscored == 0


def test_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 3, (40, 2)).astype(np.float64)
    groups = [("", "x", "y", "z")[i] for i in rng.integers(0, 4, 40)]
    order = rng.permutation(40)
    one, other = clustered(columns, groups), clustered(columns[order], [groups[i] for i in order])
    assert one.columns.tobytes() == other.columns.tobytes()
    assert one.sizes.tolist() == other.sizes.tolist()


def test_what_does_not_fit_is_the_callers_fault() -> None:
    with pytest.raises(CallerError, match=r"found \(3,\)"):
        clustered(np.zeros(3), ["", "", ""])
    with pytest.raises(CallerError, match="3 samples, 2 groups"):
        clustered(np.zeros((3, 1)), ["", ""])
    with pytest.raises(CallerError, match="row 1, column 0"):
        clustered(np.array([[0.0], [np.inf]]), ["", ""])


def test_differences_are_nan_where_either_run_is_unscored() -> None:
    a, b = np.array([[1.0, 0.0], [NAN, 0.0], [1.0, 0.0]]), np.array([[0.25, 0.0], [0.0, 0.0], [0.0, NAN]])
    found = differences(a, b)
    assert found.shape == (3, 1) and found[0, 0] == 0.75 and np.isnan(found[1:]).all()
    with pytest.raises(CallerError, match=r"\(3, 2\) and \(2, 2\)"):
        differences(a, b[:2])
