import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from foveate.evals.metrics.abstention import dual_accuracy
from foveate.evals.metrics.metric import Columns, Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample
from foveate.records import Verdict

EVERY = ("refusal_precision", "refusal_recall", "refusal_f1", "false_answer_rate", "false_refusal_rate")
tables = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


def columns(name: str, answerable: list[bool | None], verdicts: list[Verdict | None]) -> Columns:
    samples = [Sample(id=str(i), answerable=known) for i, known in enumerate(answerable)]
    return metric(name).rows(samples, [Output(verdict=verdict) for verdict in verdicts], Context())


def figure(name: str, table: list[tuple[bool, bool]]) -> float:
    return metric(name).statistic(np.array(table, dtype=np.float64).reshape(len(table), 2))


@given(tables)
def test_precision_recall_and_f1_are_those_of_scikit_learn(table: list[tuple[bool, bool]]) -> None:
    refused, should = (np.array(side, dtype=int) for side in zip(*table, strict=True))
    precision, recall, f1, _ = precision_recall_fscore_support(
        should, refused, average="binary", zero_division=float("nan")
    )
    assert figure("refusal_precision", table) == pytest.approx(precision, abs=1e-12, nan_ok=True)
    assert figure("refusal_recall", table) == pytest.approx(recall, abs=1e-12, nan_ok=True)
    assert figure("refusal_f1", table) == pytest.approx(f1, abs=1e-12, nan_ok=True)
    assert figure("false_answer_rate", table) == pytest.approx(1 - recall, abs=1e-12, nan_ok=True)


@given(tables, st.randoms())
def test_order_of_rows_does_not_matter(table: list[tuple[bool, bool]], rng: random.Random) -> None:
    shuffled = table[:]
    rng.shuffle(shuffled)
    for name in EVERY:
        assert figure(name, shuffled) == pytest.approx(figure(name, table), nan_ok=True)


def test_by_hand() -> None:
    #        refused, should have
    table = [(True, True), (True, False), (True, True), (False, True), (False, False), (False, False)]
    assert figure("refusal_precision", table) == pytest.approx(2 / 3)
    assert figure("refusal_recall", table) == pytest.approx(2 / 3)
    assert figure("false_answer_rate", table) == pytest.approx(1 / 3)
    assert figure("false_refusal_rate", table) == pytest.approx(1 / 3)


def test_what_does_not_exist_is_nan() -> None:
    assert math.isnan(figure("refusal_precision", [(False, True)]))
    assert math.isnan(figure("refusal_recall", [(True, False)]))
    assert math.isnan(figure("false_refusal_rate", [(True, True)]))
    assert math.isnan(figure("refusal_f1", [(False, False)]))
    assert all(math.isnan(figure(name, [])) for name in EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_what_is_scored(name: str) -> None:
    rows = columns(
        name, [False, True, False, None, True], ["unanswerable", "answered", "partial", "unanswerable", None]
    )
    wanted = [[1, 1], [0, 0], [0, 1], [np.nan, np.nan], [np.nan, np.nan]]
    assert np.array_equal(rows, wanted, equal_nan=True)


def pair(name: str, *, answered: bool, refused: bool, group: str = "") -> list[tuple[Sample, Output]]:
    """A standard question and its unanswerable form, each right or not."""
    slices = {"pair": name}
    standard = Sample(id=f"{name}-standard", choice=0, slices=slices, group=group)
    closed = Sample(id=f"{name}-closed", answerable=False, slices=slices, group=group)
    return [
        (standard, Output(choice=0 if answered else 1, verdict="answered")),
        (closed, Output(verdict="unanswerable" if refused else "answered")),
    ]


def dual(*cases: tuple[Sample, Output]) -> Columns:
    return metric("dual_accuracy").rows([case[0] for case in cases], [case[1] for case in cases], Context())


def test_dual_accuracy_asks_for_both_forms() -> None:
    rows = dual(
        *pair("1", answered=True, refused=True),
        *pair("2", answered=True, refused=False),
        *pair("3", answered=False, refused=True),
        *pair("4", answered=False, refused=False),
    )
    # The unanswerable form's row carries the pair; its mate weighs nothing.
    assert rows.tolist() == [[0, 0], [1, 1], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0], [0, 1]]
    assert metric("dual_accuracy").statistic(rows) == 0.25


def test_dual_accuracy_in_any_order_of_samples() -> None:
    cases = [case for i in range(6) for case in pair(str(i), answered=i % 2 == 0, refused=i % 3 == 0)]
    wanted = dual_accuracy(dual(*cases))
    assert wanted == pytest.approx(1 / 6)
    for order in (cases[::-1], sorted(cases, key=lambda case: case[0].id[-3:])):
        assert dual_accuracy(dual(*order)) == pytest.approx(wanted)


def test_a_pair_of_which_something_is_unknown_is_not_scored() -> None:
    standard, closed = pair("1", answered=True, refused=True)
    whole = pair("2", answered=True, refused=True)
    lone = (Sample(id="no pair", answerable=False), Output(verdict="unanswerable"))
    silent = (standard[0], Output())
    assert np.isnan(dual(silent, closed)).all()
    assert np.isnan(dual(standard)).all()
    assert np.isnan(dual(closed)).all()
    assert np.isnan(dual(closed, closed)).all()
    rows = dual(silent, *whole, closed, lone)
    assert np.isnan(rows[[0, 3, 4]]).all()
    assert rows[1:3].tolist() == [[0, 0], [1, 1]]


def test_several_unanswerable_forms_must_all_be_refused_and_count_once() -> None:
    standard, closed = pair("1", answered=True, refused=True)
    answered = (closed[0], Output(verdict="answered", text="x"))
    assert dual_accuracy(dual(standard, closed, closed)) == 1.0
    assert dual_accuracy(dual(standard, closed, answered)) == 0.0
    assert dual(standard, closed, closed)[:, 1].sum() == 1.0


def test_dual_accuracy_survives_resampling() -> None:
    cases = [case for i in range(40) for case in pair(str(i), answered=i < 30, refused=i % 2 == 0)]
    rows = dual(*cases)
    value = dual_accuracy(rows)
    rng = np.random.default_rng(0)
    # Pairs drawn whole: the exact share of the pairs drawn.
    drawn = rng.integers(0, 40, 40)
    whole = np.concatenate([[2 * i, 2 * i + 1] for i in drawn])
    assert dual_accuracy(rows[whole]) == pytest.approx(np.mean([i < 30 and i % 2 == 0 for i in drawn]))
    # Rows drawn one by one: the same figure on average, and its spread is that of 40 pairs and not of 80 rows.
    draws = np.array([dual_accuracy(rows[rng.integers(0, 80, 80)]) for _ in range(4000)])
    assert draws.mean() == pytest.approx(value, abs=0.01)
    assert draws.std() == pytest.approx(math.sqrt(value * (1 - value) / 40), rel=0.1)
    assert math.isnan(dual_accuracy(rows[::2]))
