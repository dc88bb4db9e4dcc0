import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from torchmetrics.classification import BinaryCalibrationError

from foveate.evals.metrics.calibration import BINS, auroc, brier, ece
from foveate.evals.metrics.metric import Columns, Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample

shares = st.integers(0, 30).map(lambda n: n / 30)  # also on the edges of the 15 bins
tables = st.lists(st.tuples(shares, st.sampled_from([0.0, 1.0])), min_size=1, max_size=40)


def drawn(seed: int, size: int) -> Columns:
    rng = np.random.default_rng(seed)
    return np.stack([rng.random(size), rng.integers(0, 2, size)], axis=1).astype(np.float64)


def reference(columns: Columns) -> float:
    error = BinaryCalibrationError(n_bins=BINS, norm="l1")
    error.update(torch.from_numpy(columns[:, 0]), torch.from_numpy(columns[:, 1]).long())
    return float(error.compute())


@pytest.mark.parametrize("size", [1, 2, 10, 1000])
def test_ece_is_that_of_torchmetrics(size: int) -> None:
    for seed in range(10):
        columns = drawn(seed, size)
        assert ece(columns) == pytest.approx(reference(columns), abs=1e-9)


def test_ece_by_hand_and_on_the_edges() -> None:
    # Bins of 1/15: the first two rows share one, the third has its own.
    columns = np.array([[0.81, 1.0], [0.83, 0.0], [0.10, 0.0]])
    assert ece(columns) == pytest.approx((2 * abs(0.5 - 0.82) + abs(0.0 - 0.10)) / 3)
    edges = np.array([[0.0, 0.0], [0.2, 1.0], [1.0, 1.0], [1.0, 0.0], [14.5 / 15, 1.0]])
    assert ece(edges) == pytest.approx(reference(edges), abs=1e-9)
    assert ece(columns, bins=1) == pytest.approx(abs(1 - 1.74) / 3)


@given(tables, st.randoms())
def test_bounds_and_order(table: list[tuple[float, float]], rng: random.Random) -> None:
    columns = np.array(table)
    shuffled = table[:]
    rng.shuffle(shuffled)
    for statistic in (ece, brier, auroc):
        value = statistic(columns)
        assert math.isnan(value) or -1e-12 <= value <= 1.0 + 1e-12
        assert statistic(np.array(shuffled)) == pytest.approx(value, abs=1e-9, nan_ok=True)
    sure = np.stack([columns[:, 1], columns[:, 1]], axis=1)
    assert ece(sure) == brier(sure) == 0.0
    assert auroc(sure) in (1.0,) or math.isnan(auroc(sure))
    # No binning can show more error than the mean gap of single rows.
    assert ece(columns) <= np.abs(columns[:, 0] - columns[:, 1]).mean() + 1e-12


def test_brier_and_auroc_are_those_of_scikit_learn() -> None:
    for seed in range(10):
        columns = drawn(seed, 200)
        columns[:, 0] = columns[:, 0].round(1)  # ties
        assert brier(columns) == pytest.approx(brier_score_loss(columns[:, 1], columns[:, 0]), abs=1e-9)
        assert auroc(columns) == pytest.approx(roc_auc_score(columns[:, 1], columns[:, 0]), abs=1e-9)


def test_auroc_by_counting_pairs() -> None:
    columns = np.array([[0.9, 1.0], [0.4, 1.0], [0.4, 0.0], [0.1, 0.0]])
    assert auroc(columns) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_what_does_not_exist_is_nan() -> None:
    empty = np.zeros((0, 2))
    assert math.isnan(ece(empty))
    assert math.isnan(brier(empty))
    assert math.isnan(auroc(empty))
    assert math.isnan(auroc(np.array([[0.1, 1.0], [0.9, 1.0]])))


@pytest.mark.parametrize("name", ["ece", "brier"])
def test_calibration_is_of_answers_given(name: str) -> None:
    asked, closed = Sample(id="s", answers=("cat",)), Sample(id="t", answerable=False)
    cases = [
        (asked, Output(text="cat", confidence=0.9, verdict="answered"), (0.9, 1.0)),
        (closed, Output(text="cat", confidence=0.9, verdict="answered"), (0.9, 0.0)),
        (closed, Output(confidence=0.1, verdict="unanswerable"), (np.nan, np.nan)),
        (asked, Output(confidence=0.1, verdict="unanswerable"), (np.nan, np.nan)),
        (asked, Output(text="cat"), (np.nan, 1.0)),
        (asked, Output(text="cat", confidence=-2.0), (np.nan, 1.0)),
        (Sample(id="u"), Output(text="cat", confidence=0.3), (0.3, np.nan)),
    ]
    rows = metric(name).rows([case[0] for case in cases], [case[1] for case in cases], Context())
    assert np.array_equal(rows, [case[2] for case in cases], equal_nan=True)


def test_auroc_is_of_all_that_is_known_to_be_answerable_or_not() -> None:
    samples = [Sample(id=str(known), answerable=known) for known in (True, False, None)]
    outputs = [Output(confidence=0.9), Output(confidence=0.2, verdict="unanswerable"), Output(confidence=0.5)]
    rows = metric("auroc").rows(samples, outputs, Context())
    assert np.array_equal(rows, [[0.9, 1.0], [0.2, 0.0], [0.5, np.nan]], equal_nan=True)
    assert metric("auroc").statistic(rows[:2]) == 1.0
    assert np.isnan(metric("auroc").rows(samples[:1], [Output()], Context())[0, 0])


def test_leaving_out_abstentions_does_not_bias_calibration() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(40_000)
    columns = np.stack([confidence, rng.random(40_000) < confidence], axis=1).astype(np.float64)
    assert ece(columns) < 0.02
    assert ece(columns[confidence > 0.37]) < 0.02
