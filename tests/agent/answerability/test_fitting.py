import dataclasses
import random

import numpy as np
import pytest

from foveate.agent.answerability.combiner import OUTCOMES
from foveate.agent.answerability.fitting import Row, _folds, fit_combiner
from foveate.errors import CallerError
from foveate.rerankers.lora.figures import auroc
from tests.agent.answerability.questions import made

ROWS = made(600)
FIT = fit_combiner(ROWS, folds=3)


def test_held_out_figures_are_what_new_questions_get() -> None:
    fresh = made(3000, seed=7)
    said = FIT.combiner.outcomes_many([row.signals for row in fresh])
    answerable = np.array([row.outcome in ("right", "wrong") for row in fresh])
    new = auroc(np.array([one["right"] + one["wrong"] for one in said]), answerable)
    assert new is not None and new > 0.8
    assert new == pytest.approx(FIT.auroc, abs=0.04)
    loss = -np.mean([np.log(max(one[row.outcome], 1e-6)) for one, row in zip(said, fresh, strict=True)])
    assert loss == pytest.approx(FIT.log_loss, abs=0.12)


def test_confidence_is_the_share_that_is_right() -> None:
    fresh = made(4000, seed=8)
    sure = np.array([one["right"] for one in FIT.combiner.outcomes_many([row.signals for row in fresh])])
    right = np.array([row.outcome == "right" for row in fresh])
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 1.0)):
        some = (sure >= low) & (sure < high)
        assert sure[some].mean() == pytest.approx(right[some].mean(), abs=0.08)
    assert FIT.ece < 0.08


def test_auto_takes_the_lowest_loss() -> None:
    assert FIT.setting == min(FIT.losses, key=FIT.losses.__getitem__)
    assert {name.split()[0].strip(",") for name in FIT.losses} == {"trees", "logistic"}


def test_where_signals_act_together_trees_are_taken() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for at, (a, b) in enumerate(rng.normal(size=(400, 2)).tolist()):
        rows.append(Row(signals={"a": a, "b": b}, outcome="right" if a * b > 0 else "no_evidence", group=str(at)))
    fit = fit_combiner(rows, folds=3)
    assert fit.setting.startswith("trees")
    assert fit.auroc > 0.9
    assert (
        fit.combiner.outcomes({"a": 2.0, "b": 2.0})["right"]
        > 0.8
        > 0.2
        > fit.combiner.outcomes({"a": 2.0, "b": -2.0})["right"]
    )
    assert fit.combiner.outcomes({})["absent_object"] == 0.0


def test_forms_are_those_that_cannot_be_answered() -> None:
    assert set(FIT.forms) == set(OUTCOMES) - {"right", "wrong"}
    assert all(0.7 < value <= 1.0 for value in FIT.forms.values())


def test_order_of_rows_changes_nothing() -> None:
    shuffled = random.Random(3).sample(ROWS, len(ROWS))
    again = fit_combiner(shuffled, method="logistic", folds=3)
    plain = fit_combiner(ROWS, method="logistic", folds=3)
    assert again.losses == pytest.approx(plain.losses, abs=1e-3)
    assert again.auroc == pytest.approx(plain.auroc, abs=2e-3)


def test_groups_stay_in_one_fold() -> None:
    groups = [row.group for row in ROWS]
    fold = _folds(groups, 5, 0)
    for group in set(groups):
        assert len({int(one) for one, name in zip(fold, groups, strict=True) if name == group}) == 1
    assert max(np.bincount(fold)) - min(np.bincount(fold)) <= 4
    assert (fold != _folds(groups, 5, 1)).any()


def test_a_concept_that_gives_itself_away_does_not_look_good() -> None:
    # Outcome is a coin's per concept, and the signal names the concept: nothing carries over to another one.
    rng = np.random.default_rng(0)
    rows = []
    for group in range(60):
        outcome = "right" if rng.random() < 0.5 else "no_evidence"
        rows += [Row(signals={"name": float(group)}, outcome=outcome, group=str(group))] * 10
    assert fit_combiner(rows, method="trees", folds=5).auroc < 0.75


def test_confidences_for_the_policy_are_held_out() -> None:
    asked = FIT.asked(ROWS)
    assert [one.confidence for one in asked] == [said["right"] for said in FIT.held_out]
    assert [one.right for one in asked] == [row.outcome == "right" for row in ROWS]
    assert [one.answerable for one in asked] == [row.outcome in ("right", "wrong") for row in ROWS]
    with pytest.raises(CallerError, match="599 rows; the fit was made of 600"):
        FIT.asked(ROWS[1:])


def bad(at: int, **changes: object) -> list[Row]:
    return [dataclasses.replace(row, **changes) if place == at else row for place, row in enumerate(ROWS)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "0 rows, too few of either kind"),
        (bad(3, outcome="maybe"), {}, "outcome of row 3 is 'maybe'; choose from: right"),
        (bad(3, signals={"gap": float("inf")}), {}, "signal 'gap' of row 3 is inf"),
        (ROWS, {"method": "forest"}, "method is 'forest'; choose one of: trees, logistic, auto"),
        (ROWS, {"folds": 1}, "folds is 1; allowed are 2 to 20"),
        (made(200, outcomes=("right", "wrong"))[:12], {}, "a combiner needs 10 or more"),
        ([dataclasses.replace(row, group="one") for row in ROWS], {}, "no more than groups, of which there are 1"),
        ([dataclasses.replace(row, signals={}) for row in ROWS], {}, "the rows hold no signals"),
    ],
)
def test_bad_rows_are_named(rows: list[Row], options: dict[str, object], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        fit_combiner(rows, **options)  # type: ignore[arg-type]
