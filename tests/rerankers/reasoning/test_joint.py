"""The joint verdict: by hand, its symmetries, conflicts, and what it is better at than the surest piece."""

import json
import math
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ModelError
from foveate.rerankers.reasoning.entailment import Entailment, Label
from foveate.rerankers.reasoning.joint import JointWeights, Piece, fit_joint, join, surest
from foveate.usage import Usage


def piece(relevance: float, entailed: float, contradicted: float) -> Piece:
    neutral = max(1.0 - entailed - contradicted, 0.0)
    return Piece(
        relevance=relevance,
        entailment=Entailment(entailed=entailed, contradicted=contradicted, neutral=neutral, usage=Usage(tokens_in=10)),
    )


@st.composite
def pools(draw: st.DrawFn) -> list[Piece]:
    def one() -> Piece:
        entailed = draw(st.floats(0.0, 1.0))
        return piece(draw(st.floats(0.0, 1.0)), entailed, (1.0 - entailed) * draw(st.floats(0.0, 1.0)))

    return [one() for _ in range(draw(st.integers(0, 5)))]


def test_by_hand() -> None:
    weights = JointWeights(bias=-1.0, lean=0.5, strongest=2.0, any=1.0, mean=0.5, against=-1.0)
    found = join([piece(0.8, 0.7, 0.1), piece(0.5, 0.2, 0.2)], weights)
    lean = 0.8 * 0.8 * math.log(7.0)  # the second piece leans nowhere
    entailed = -1.0 + 0.5 * lean + 2.0 * 0.56 + (1 - 0.44 * 0.9) + 0.5 * (0.66 / 1.3) - 0.1
    contradicted = -1.0 - 0.5 * lean + 2.0 * 0.1 + (1 - 0.92 * 0.9) + 0.5 * (0.18 / 1.3) - 0.56
    whole = 1.0 + math.exp(entailed) + math.exp(contradicted)
    assert found.entailment.probabilities == pytest.approx(
        (math.exp(entailed) / whole, math.exp(contradicted) / whole, 1 / whole)
    )
    assert (found.label, found.support, found.against) == ("entailed", (0,), ())
    assert found.probability == found.entailment.entailed and found.entailment.usage == Usage(tokens_in=20)


def test_no_evidence_is_neutral() -> None:
    found = join([])
    assert found.label == "neutral" and found.support == found.against == ()
    assert found.probability == pytest.approx(1 / (1 + 2 * math.exp(-2.0)))


@given(pools(), st.randoms(use_true_random=False))
def test_the_order_of_the_pieces_changes_nothing(pool: list[Piece], random: Random) -> None:
    places = list(range(len(pool)))
    random.shuffle(places)
    once, again = join(pool), join([pool[place] for place in places])
    assert again.entailment == once.entailment
    assert (again.label, again.probability) == (once.label, once.probability)
    assert {places[at] for at in again.support} == set(once.support)


@given(pools(), st.floats(0.0, 1.0))
def test_a_piece_without_relevance_changes_nothing(pool: list[Piece], entailed: float) -> None:
    once, more = join(pool), join([*pool, piece(0.0, entailed, 1.0 - entailed)])
    assert more.entailment == once.entailment and more.label == once.label
    assert (more.support, more.against) == (once.support, once.against)


@given(pools())
def test_both_directions_are_weighed_alike(pool: list[Piece]) -> None:
    turned = [piece(one.relevance, one.entailment.contradicted, one.entailment.entailed) for one in pool]
    a, b = join(pool), join(turned)
    assert a.entailment.entailed == pytest.approx(b.entailment.contradicted, abs=1e-9)
    assert sum(a.entailment.probabilities) == pytest.approx(1.0)
    assert a.support == b.against


def test_what_the_model_said_nothing_of_is_passed_over() -> None:
    unknown = Piece(relevance=1.0, entailment=Entailment(entailed=math.nan, contradicted=math.nan, neutral=math.nan))
    assert join([unknown]).entailment == join([]).entailment
    found = join([unknown, piece(1.0, 0.9, 0.05)])
    assert found.label == "entailed" and found.support == (1,)
    assert surest([unknown]) == "neutral"


def test_conflict_names_both_sides() -> None:
    found = join([piece(0.9, 0.02, 0.03), piece(0.8, 0.05, 0.9), piece(0.9, 0.9, 0.05)])
    assert (found.label, found.support, found.against) == ("conflicting", (2,), (1,))
    assert 0.5 < found.probability < 0.7
    # The same two, the contradicting one hardly relevant: no conflict.
    assert join([piece(0.2, 0.05, 0.9), piece(0.9, 0.9, 0.05)]).label == "entailed"
    # One piece that is torn is no conflict of pieces.
    assert join([piece(1.0, 0.5, 0.5)]).label != "conflicting"


def test_many_that_merely_sound_alike_do_not_make_a_verdict_of_the_surest() -> None:
    pool = [piece(0.95, 0.97, 0.01), *(piece(0.15, 0.01, 0.98) for _ in range(5))]
    assert surest(pool) == "contradicted" and join(pool).label == "entailed"
    assert surest(pool[1:]) == "contradicted" and join(pool[1:]).label == "neutral"


def test_surest_by_hand() -> None:
    assert surest([]) == "neutral" == surest([piece(1.0, 0.49, 0.49)])
    assert surest([piece(0.0, 0.6, 0.3), piece(1.0, 0.1, 0.55)]) == "entailed"
    assert surest([piece(1.0, 0.5, 0.5)]) == "contradicted"


def drawn(count: int, seed: int) -> tuple[list[list[Piece]], list[Label]]:
    """Claims with one telling piece or none, among four that sound alike and mislead half of the time."""
    rng = np.random.default_rng(seed)
    found: list[list[Piece]] = []
    right: list[Label] = []
    for number in range(count):
        label: Label = ("entailed", "contradicted", "neutral")[number % 3]
        pool = [piece(rng.uniform(0.0, 0.4), *sorted(rng.dirichlet([0.5, 0.5, 0.5])[:2])) for _ in range(4)]
        if label != "neutral":
            sure, other = rng.uniform(0.7, 0.95), 0.02
            pool.append(piece(rng.uniform(0.6, 1.0), *((sure, other) if label == "entailed" else (other, sure))))
        found.append(pool)
        right.append(label)
    return found, right


def test_fitted_weights_beat_the_surest_piece_on_claims_not_seen() -> None:
    weights = fit_joint(*drawn(240, seed=1), model="m")
    assert weights.model == "m"
    unseen, right = drawn(240, seed=2)
    joint = sum(join(pool, weights).entailment.label == label for pool, label in zip(unseen, right, strict=True))
    alone = sum(surest(pool) == label for pool, label in zip(unseen, right, strict=True))
    assert joint > 0.95 * 240 > alone


def test_fitting_is_refused_without_enough() -> None:
    found, right = drawn(60, seed=1)
    for some in (20, 59):
        with pytest.raises(CallerError, match="needed are 30 or more"):
            fit_joint(found[:some], right[:20], model="m")
    with pytest.raises(CallerError, match="entailed, contradicted, neutral"):
        fit_joint(found, ["neutral"] * 60, model="m")


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "joint.json"
    weights = JointWeights(bias=-1.5, model="m")
    weights.save(path)
    assert JointWeights.load(path, model="m") == weights
    with pytest.raises(CallerError, match="fitted with verdicts of 'm'"):
        JointWeights.load(path, model="n")
    JointWeights().check("anything")
    with pytest.raises(CallerError, match="no joint weights"):
        JointWeights.load(tmp_path / "none", model="m")
    good = json.loads(path.read_text())
    for bad in ("{", "[]", json.dumps(good | {"lean": "x"}), json.dumps(good | {"more": 1.0}), "NaN"):
        path.write_text(bad)
        with pytest.raises(ModelError, match="is damaged"):
            JointWeights.load(path, model="m")


def test_relevance_is_a_probability() -> None:
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(CallerError, match="relevance is"):
            piece(value, 0.5, 0.1)
