"""Figures of a judge, by hand."""

import pytest

from foveate.agent.answerability.judge import Judgement
from foveate.evals.unanswerable.gather import Gathered
from foveate.evals.unanswerable.measure import accuracy, by_form, calibration, detection, dual, realised


def row(name: str, form: str = "standard", *, right: bool = False, pair: str = "", source: str = "kb") -> Gathered:
    answerable = form in ("standard", "open")
    return Gathered(
        id=name,
        group=name,
        pair=pair or name,
        form=form,
        setting="base",
        source=source,
        question="?",
        signals={},
        answerable=answerable,
        reason="none" if answerable else "absent_object",
        choice=0,
        short="",
        notes=[],
        right=right,
    )


def said(confidence: float, answerable: float | None = None) -> Judgement:
    sure = confidence if answerable is None else answerable
    return Judgement(confidence=confidence, answerable=sure, reason="no_evidence", threshold=0.5, because=())


ROWS = [
    row("a", right=True, pair="1"),
    row("b", right=False, pair="2"),
    row("c", "aad", pair="1"),
    row("d", "aad", pair="2"),
    row("e", "open", right=True),
    row("f", "empty", source="none"),
]
SAID = [said(0.9), said(0.6), said(0.2), said(0.7), said(0.3), said(0.0)]


def test_detection_is_the_share_of_pairs_in_order() -> None:
    found = detection(ROWS, [one.answerable for one in SAID])
    # answerable .9 .6 .3 against .2 .7 .0: 8 - ... pairs in order: .9 all 3, .6 two, .3 two
    assert found.value == pytest.approx(7 / 9)
    assert found.low <= found.value <= found.high


def test_a_form_is_held_against_what_its_source_can_answer() -> None:
    found = by_form(ROWS, [one.answerable for one in SAID])
    assert found["aad"].value == pytest.approx((2 + 1 + 1) / 6)
    assert found["empty"].n == 1  # its source has nothing to hold it against


def test_risk_and_coverage_at_a_threshold() -> None:
    found = realised(ROWS, SAID, 0.5)
    assert found["coverage"].value == pytest.approx(3 / 6)
    assert found["risk"].value == pytest.approx(2 / 3)


def test_what_abstaining_costs() -> None:
    found = accuracy(ROWS, SAID, 0.5)
    assert found["never_abstaining"].value == pytest.approx(2 / 3)
    assert found["abstaining"].value == pytest.approx(1 / 3)
    assert found["cost"].value == pytest.approx(1 / 3)


def test_dual_needs_the_answer_and_the_abstention() -> None:
    assert dual(ROWS, SAID, 0.5)["aad"].value == 0.5
    assert dual(ROWS, SAID, float("-inf"))["aad"].value == 0.0


def test_calibration() -> None:
    found = calibration(ROWS, SAID)
    # bins of a fifteenth: each confidence is alone in its bin
    gaps = [0.1, 0.6, 0.2, 0.7, 0.7, 0.0]
    assert found["ece"].value == pytest.approx(sum(gaps) / 6)
    assert found["brier"].value == pytest.approx(sum(gap**2 for gap in gaps) / 6)


def test_outcomes() -> None:
    assert [one.outcome for one in ROWS[:3]] == ["right", "wrong", "absent_object"]
