"""Calibrated verdicts: the fit against an optimiser of SciPy, the file, the measure."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError
from foveate.rerankers.reasoning.entailment import LABELS, Entailment, Label
from foveate.rerankers.reasoning.verdict_scale import ScaleFit, VerdictScale, ece_of, fit_scale
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.rerankers.scripted import ScriptedChat

FIT = ScaleFit(data="d", pairs=30, ece_before=0.2, ece_after=0.1, loss_before=1.0, loss_after=0.9)
SCALE = VerdictScale(model="m", temperature=2.0, entailed=-0.5, contradicted=0.25, fitted=FIT)


def overconfident(count: int, seed: int = 0) -> tuple[list[Entailment], list[Label]]:
    """Verdicts whose log-odds are three times what they should be, and that say entailed too often."""
    rng = np.random.default_rng(seed)
    said, right = [], []
    for _ in range(count):
        true = rng.dirichlet([0.6, 0.6, 0.6])
        right.append(LABELS[rng.choice(3, p=true)])
        row = np.maximum(true, 1e-9) ** 3 * [math.e, 1.0, 1.0]
        said.append(made(row / row.sum()))
    return said, right


def made(row: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Entailment:
    return Entailment(entailed=float(row[0]), contradicted=float(row[1]), neutral=float(row[2]))


def test_by_hand() -> None:
    found = SCALE(Entailment(entailed=0.64, contradicted=0.04, neutral=0.32))
    shares = [0.8 * math.exp(-0.5), 0.2 * math.exp(0.25), math.sqrt(0.32)]
    assert found.probabilities == pytest.approx([share / sum(shares) for share in shares])


def test_the_fit_is_the_minimum_that_scipy_finds() -> None:
    from scipy.optimize import minimize
    from sklearn.metrics import log_loss

    said, right = overconfident(300)
    scale = fit_scale(said, right, model="m")
    rows = np.log(np.maximum([one.probabilities for one in said], 1e-12))
    chosen = [LABELS.index(label) for label in right]

    def loss(w: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
        scores = rows * w[0] + [w[1], w[2], 0.0]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        total = log_loss(chosen, shares, labels=[0, 1, 2]) * len(rows)
        return float(total + 0.05 * ((w[0] - 1.0) ** 2 + w[1] ** 2 + w[2] ** 2))

    best = minimize(loss, [1.0, 0.0, 0.0], tol=1e-10).x
    assert (1 / scale.temperature, scale.entailed, scale.contradicted) == pytest.approx(best, abs=1e-3)
    # The verdicts were made with temperature 1/3 and a bias of 1 on entailed.
    assert scale.temperature == pytest.approx(3.0, rel=0.25) and scale.entailed < 0.0
    assert scale.fitted.ece_after < 0.5 * scale.fitted.ece_before and scale.fitted.loss_after < scale.fitted.loss_before


def test_order_changes_nothing_and_unknown_is_left_out() -> None:
    said, right = overconfident(60, seed=3)
    unknown = Entailment(entailed=math.nan, contradicted=math.nan, neutral=math.nan)
    once = fit_scale(said, right, model="m")
    assert fit_scale([*said[::-1], unknown], [*right[::-1], "neutral"], model="m") == once
    assert once(unknown).label is None


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.2, 5.0))
def test_probabilities_stay_probabilities_and_keep_their_order_without_biases(a: float, b: float, heat: float) -> None:
    entailed, contradicted = a, (1.0 - a) * b
    before = Entailment(entailed=entailed, contradicted=contradicted, neutral=max(1.0 - entailed - contradicted, 0.0))
    after = VerdictScale(model="m", temperature=heat, entailed=0.0, contradicted=0.0, fitted=FIT)(before)
    assert sum(after.probabilities) == pytest.approx(1.0)
    top = after.probabilities[before.probabilities.index(max(before.probabilities))]
    assert top == pytest.approx(max(after.probabilities))


def test_ece_by_hand() -> None:
    rows = np.array([[0.9, 0.05, 0.05], [0.9, 0.05, 0.05], [0.2, 0.2, 0.6]])
    # One bin holds 0.9, 0.9 with one right of two: |1 - 1.8|; another 0.6, wrong: |0 - 0.6|.
    assert ece_of(rows, np.array([0, 1, 0])) == pytest.approx((0.8 + 0.6) / 3)
    assert math.isnan(ece_of(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)))


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "scale.json"
    SCALE.save(path)
    assert VerdictScale.load(path, model="m") == SCALE
    with pytest.raises(CallerError, match="fitted on verdicts of 'm' and says nothing about those of 'other'"):
        VerdictScale.load(path, model="other")
    with pytest.raises(CallerError, match="no scale at"):
        VerdictScale.load(tmp_path / "none.json", model="m")
    with pytest.raises(CallerError, match="'m'"):
        Verifier(ScriptedChat(name="other"), SCALE)
    good = json.loads(path.read_text())
    for change in ({"temperature": 0.0}, {"temperature": "1"}, {"form": 2}, {"extra": 1}, {"entailed": math.nan}):
        path.write_text(json.dumps(good | change))
        with pytest.raises(ModelError, match="is damaged"):
            VerdictScale.load(path, model="m")


def test_refused() -> None:
    said, right = overconfident(60)
    with pytest.raises(CallerError, match="59 labels"):
        fit_scale(said, right[1:], model="m")
    with pytest.raises(CallerError, match="label 0 is 'maybe'"):
        fit_scale(said, ["maybe", *right[1:]], model="m")  # type: ignore[list-item]
    with pytest.raises(CallerError, match="60 entailed, 0 contradicted"):
        fit_scale(said, ["entailed"] * 60, model="m")
    turned: list[Label] = [LABELS[int(np.argmin(one.probabilities))] for one in said]
    with pytest.raises(CallerError, match="do not go with the labels"):
        fit_scale(said, turned, model="m")
