import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.rerankers.calibration import Calibrator, Curve, Fitted
from foveate.rerankers.cutoff import CutOff, fit_cutoff
from foveate.rerankers.fitting import Pair
from foveate.rerankers.sentences import SentenceReranker
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.usage import Usage
from tests.contracts.reranker import RerankerContract, result
from tests.rerankers.fakes import Table

NAMES = ("a", "b", "c", "d")
POOL = [result(name, name) for name in NAMES]


def calibrator(model: str) -> Calibrator:
    """Squares the odds of a score."""
    curve = Curve(method="platt", scale="probability", xs=(2.0,), ys=(0.0,), pairs=40)
    fitted = Fitted(data="", pairs=40, positives=20, ece_before=None, brier_before=None, ece_after=0.0, brier_after=0.0)
    return Calibrator(model=model, curve=curve, fitted=fitted)


class TestContract(RerankerContract):
    cuts = True

    @pytest.fixture
    def reranker(self) -> CutOff:
        inner = SentenceReranker(HashedEncoder().encode_text)
        return CutOff(inner, calibrator(inner.name), at=0.3)


def test_the_improbable_is_dropped_and_the_rest_is_a_probability() -> None:
    table = Table("t", {"a": 0.4, "b": 0.75, "c": 0.5, "d": -0.5})
    hits = asyncio.run(CutOff(table, calibrator("t")).rerank("?", POOL))
    # Odds 3 become 9; even odds stay; 2/3 becomes 4/9; what was not judged is no evidence.
    assert [(hit.chunk_id, hit.rank) for hit in hits] == [(digest("b"), 0), (digest("c"), 1)]
    assert [hit.score for hit in hits] == pytest.approx([0.9, 0.5])


def test_an_irrelevant_pool_gives_nothing() -> None:
    table = Table("t", dict.fromkeys(NAMES, 0.3))
    assert asyncio.run(CutOff(table, calibrator("t")).rerank("?", POOL)) == []


def test_what_the_reranker_spends_shows_through() -> None:
    class Spending(Table):
        usage = Usage(tokens_in=7)

    assert CutOff(Spending("t", {}), calibrator("t")).usage.tokens_in == 7
    assert CutOff(Table("t", {}), calibrator("t")).usage == Usage()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CallerError, match=r"scores of 'other' .*those of 't'"):
        CutOff(Table("t", {}), calibrator("other"))
    with pytest.raises(CallerError, match=r"at is 1\.5"):
        CutOff(Table("t", {}), calibrator("t"), at=1.5)


PAIRS: list[Pair] = [(0.9, True), (0.8, False), (0.7, True), (0.7, False), (0.4, True), (0.1, False)]


def test_threshold_by_hand() -> None:
    # At 0.9: 1 of 1; 0.8: 1 of 2; 0.7: 2 of 4; 0.4: 3 of 5; 0.1: 3 of 6.
    by_precision = fit_cutoff(PAIRS, precision=0.6)
    assert (by_precision.at, by_precision.kept) == (0.4, 5)
    assert (by_precision.precision, by_precision.recall) == (3 / 5, 1.0)
    assert fit_cutoff(PAIRS, precision=0.61).at == 0.9
    by_recall = fit_cutoff(PAIRS, recall=0.5)
    assert (by_recall.at, by_recall.precision, by_recall.recall) == (0.7, 0.5, 2 / 3)


@given(st.lists(st.tuples(st.integers(0, 20).map(lambda n: n / 20), st.booleans()), min_size=1), st.floats(0.01, 1))
def test_thresholds_are_on_scikit_learn_s_curve(pairs: list[Pair], wanted: float) -> None:
    labels, scores = np.array([label for _, label in pairs]), np.array([score for score, _ in pairs])
    if not labels.any():
        with pytest.raises(CallerError, match="none of the"):
            fit_cutoff(pairs, recall=wanted)
        return
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    assert fit_cutoff(pairs, recall=wanted).at == max(thresholds[recall[:-1] >= wanted])
    fitting = thresholds[precision[:-1] >= wanted]
    if len(fitting):
        assert fit_cutoff(pairs, precision=wanted).at == min(fitting)
    else:
        with pytest.raises(CallerError, match="no threshold has precision"):
            fit_cutoff(pairs, precision=wanted)


def test_what_cannot_be_asked() -> None:
    for stated in ({}, {"precision": 0.5, "recall": 0.5}):
        with pytest.raises(CallerError, match="one of them"):
            fit_cutoff(PAIRS, **stated)
    with pytest.raises(CallerError, match="recall is 0"):
        fit_cutoff(PAIRS, recall=0.0)
    with pytest.raises(CallerError, match="pair 0: score is 3"):
        fit_cutoff([(3.0, True)], recall=0.5)
