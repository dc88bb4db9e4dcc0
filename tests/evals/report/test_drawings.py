from pathlib import Path

import pytest

from foveate.evals.metrics.risk import BEHIND
from foveate.evals.report.drawings import confidence_plots, cost_plots, leading, slice_plots, task_point
from foveate.evals.report.run import TaskRows, read_run
from tests.evals.report.maker import Line, line, make_run, scored
from tests.evals.report.test_plots import words


def task(folder: Path, rows: list[Line], metrics: dict[str, str], **more: object) -> TaskRows:
    return read_run(make_run(folder, {"plain": rows}, metrics, **more)).tasks["plain"]  # type: ignore[arg-type]


def test_an_abstention_counts_in_risk_and_not_in_calibration(tmp_path: Path) -> None:
    rows = [line(f"s{n}", scores={"aurc": [0.9, 1.0], "ece": [0.9, 1.0]}) for n in range(3)]
    rows.append(line("abstained", scores={"aurc": [BEHIND, 0.0], "ece": [None, None]}))
    risk, calibrated = confidence_plots(task(tmp_path, rows, {"aurc": "lower", "ece": "lower"}))
    assert "always answer: 25.0% wrong" in words(risk) and "over 4 samples" in risk
    assert "over 3 samples" in calibrated


def test_one_metric_is_enough_for_both(tmp_path: Path) -> None:
    rows = [line("a", scores={"aurc": [0.9, 1.0]}), line("b", scores={"aurc": [BEHIND, 0.0]})]
    risk, calibrated = confidence_plots(task(tmp_path, rows, {"aurc": "lower"}))
    assert "over 2 samples" in risk and "over 1 samples" in calibrated


@pytest.mark.parametrize("scores", [{"em": [1.0]}, {"auroc": [0.3, 1.0]}, {"ece": [None, None]}])
def test_without_confidence_and_right_nothing_is_drawn(tmp_path: Path, scores: dict[str, object]) -> None:
    rows = [line("a", scores=scores)]
    assert confidence_plots(task(tmp_path, rows, dict.fromkeys(scores, "lower"))) == []


def test_slices_stand_best_first_and_the_unscored_last(tmp_path: Path) -> None:
    values = {"de": 0.2, "ar": None, "fr": 0.9, "en": 0.5}
    rows = [line(name, slices={"language": name}, scores={"em": [value]}) for name, value in values.items()]
    (drawn,) = slice_plots(task(tmp_path / "a", rows, {"em": "higher"}))
    assert [word for word in words(drawn) if word in values] == ["fr", "en", "de", "ar"]
    rows = [line(name, slices={"language": name}, scores={"brier": [value]}) for name, value in values.items()]
    (drawn,) = slice_plots(task(tmp_path / "b", rows, {"brier": "lower"}))
    assert [word for word in words(drawn) if word in values] == ["de", "en", "fr", "ar"]


def test_the_leading_metric_is_the_first_that_has_a_value(tmp_path: Path) -> None:
    rows = [line("a", scores={"em": [None], "f1": [0.5]})]
    found = leading(task(tmp_path / "a", rows, {"em": "higher", "f1": "higher"}))
    assert found is not None and found.metric == "f1"
    nothing = task(tmp_path / "b", scored([None]), {"recall@3": "higher"})
    assert leading(nothing) is None and task_point(nothing) is None and slice_plots(nothing) == []


def test_costs_that_nobody_knows_are_not_drawn(tmp_path: Path) -> None:
    known = task_point(task(tmp_path / "a", scored([1.0, 0.0]), {"recall@3": "higher"}))
    free = task_point(task(tmp_path / "b", scored([1.0]), {"recall@3": "higher"}, seconds=None))
    assert known is not None and known.label == "plain recall@3" and list(known.costs) == ["median seconds"]
    assert len(cost_plots([known, None, free], "quality")) == 1
    assert cost_plots([free, None], "quality") == []
