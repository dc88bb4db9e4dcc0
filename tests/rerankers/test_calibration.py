"""Calibrators beside scikit-learn, and their files beside what may stand in them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError
from foveate.rerankers.calibration import Calibrator, Curve, Fitted

FITTED = Fitted(data="d", pairs=98, positives=40, ece_before=0.2, brier_before=None, ece_after=0.1, brier_after=0.15)
PLATT = Calibrator(
    model="m", curve=Curve(method="platt", scale="probability", xs=(2.0,), ys=(-1.0,), pairs=98), fitted=FITTED
)
STEPS = Curve(method="isotonic", scale="any", xs=(-1.0, 1.0, 3.0), ys=(0.0, 0.5, 1.0), pairs=98)
ISOTONIC = Calibrator(model="m", curve=STEPS, fitted=FITTED)


def test_platt_by_hand() -> None:
    # log-odds of 0.8 are ln 4.
    assert PLATT.probability(0.8) == pytest.approx(1 / (1 + math.exp(1 - 2 * math.log(4))))
    assert PLATT.probability(0.5) == pytest.approx(1 / (1 + math.e))
    raw = Curve(method="platt", scale="any", xs=(2.0,), ys=(-1.0,), pairs=98)
    assert raw(3.0) == pytest.approx(1 / (1 + math.exp(-5)))
    assert raw(-1e9) == 0.0 and raw(1e9) == 1.0


def test_isotonic_by_hand() -> None:
    assert STEPS(0.0) == pytest.approx(0.25, abs=1e-6)
    assert STEPS(1.0) == pytest.approx(0.5, abs=1e-6)
    # 98 pairs cannot tell 1% from nothing.
    assert STEPS(-50.0) == pytest.approx(0.01, abs=1e-6)
    assert STEPS(50.0) == pytest.approx(0.99, abs=1e-6)


def test_sure_scores_stay_in_order() -> None:
    ends = [0.0, 1e-9, 0.5, 1 - 1e-7, 1 - 1e-8, 1.0]
    flat = Curve(method="isotonic", scale="probability", xs=(0.2, 0.3), ys=(0.0, 1.0), pairs=50)
    soft = Curve(method="platt", scale="probability", xs=(0.7,), ys=(-1.0,), pairs=98)
    for curve in (soft, flat):
        found = [curve(score) for score in ends]
        assert found == sorted(set(found)) and 0.0 < found[0] and found[-1] < 1.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_it_never_falls(one: float, other: float) -> None:
    flat = Curve(method="isotonic", scale="probability", xs=(0.2, 0.7), ys=(0.25, 0.5), pairs=5)
    low, high = sorted((one, other))
    for curve in (PLATT.curve, flat):
        assert 0.0 <= curve(low) <= curve(high) <= 1.0


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1])
def test_what_is_no_score_is_refused(score: float) -> None:
    with pytest.raises(CallerError, match=r"score is .*allowed are numbers from 0 to 1"):
        PLATT.probability(score)


@pytest.mark.parametrize("made", [PLATT, ISOTONIC])
def test_a_file_brings_back_the_same(made: Calibrator, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    made.save(path)
    assert Calibrator.load(path, model="m") == made
    assert json.loads(path.read_text())["fitted"]["brier_before"] is None


def test_another_model_is_refused(tmp_path: Path) -> None:
    PLATT.save(tmp_path / "c.json")
    with pytest.raises(CallerError, match=r"scores of 'm' .*those of 'other'"):
        Calibrator.load(tmp_path / "c.json", model="other")
    with pytest.raises(CallerError, match=r"no calibrator at .*absent\.json.*No such file"):
        Calibrator.load(tmp_path / "absent.json", model="m")


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(body: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            body = body[parent]
        body[last] = value

    return apply


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (change("form", 2), "form 1"),
        (change("extra", 1), "fields of calibrator"),
        (change("model", 3), "model is 3"),
        (change("curve", []), "fields of curve"),
        (change("curve.method", "svm"), "method is 'svm'"),
        (change("curve.scale", None), "scale is None"),
        (change("curve.xs", [1.0, 1.0, 2.0]), "no rising curve"),
        (change("curve.ys", [0.5, 0.4, 0.6]), "no rising curve"),
        (change("curve.ys", [0.1, 0.4, 1.6]), "no rising curve"),
        (change("curve.ys", [0.1]), "no rising curve"),
        (change("curve.xs", "abc"), "xs is no list"),
        (change("curve.xs", [True, 2.0, 3.0]), "xs is True"),
        (change("curve.pairs", 0), "pairs is 0"),
        (change("curve.pairs", 1e400), "Infinity is no number"),
        (change("fitted.ece_after", "low"), "ece_after is 'low'"),
        (change("fitted.ece_after", None), "ece_after is None"),
        (change("fitted.ece_after", math.nan), "NaN is no number"),
    ],
)
def test_damage_is_named(harm: Callable[[dict[str, Any]], None], named: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    ISOTONIC.save(path)
    body = json.loads(path.read_text())
    harm(body)
    path.write_text(json.dumps(body))
    with pytest.raises(ModelError, match=named) as caught:
        Calibrator.load(path, model="m")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[" * 100_000, b"null", b" " * 5_000_000])
def test_no_json_is_damage(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(raw)
    with pytest.raises(ModelError, match="damaged"):
        Calibrator.load(path, model="m")
