import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.spans import mean_best, overlap, recalled
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample, Span

NAN = float("nan")
bounds = st.integers(0, 12).map(lambda eighths: eighths / 2)
spans = st.tuples(bounds, bounds).map(lambda pair: (min(pair), max(pair)))
several = st.lists(spans, min_size=1, max_size=4)
EVERY = ("tiou", "tiou@0.5", "moment_recall@2:0.5")


def value(name: str, sample: Sample, output: Output) -> float:
    return float(metric(name).rows([sample], [output], Context())[0, 0])


def test_overlap_by_hand() -> None:
    assert overlap((0.0, 10.0), (5.0, 15.0)) == pytest.approx(5 / 15)
    assert overlap((0.0, 10.0), (2.0, 4.0)) == pytest.approx(0.2)
    assert overlap((0.0, 1.0), (1.0, 2.0)) == 0.0
    assert overlap((3.0, 3.0), (3.0, 3.0)) == 1.0
    assert overlap((0.0, 9.0), (3.0, 3.0)) == 0.0


@pytest.mark.parametrize("broken", [(5.0, 1.0), (NAN, 4.0), (0.0, NAN), (0.0, float("inf"))])
def test_a_broken_stretch_overlaps_nothing(broken: Span) -> None:
    assert overlap(broken, (0.0, 10.0)) == overlap((0.0, 10.0), broken) == overlap(broken, broken) == 0.0


@given(spans, spans, st.floats(-5, 5))
def test_overlap_properties(one: Span, other: Span, shift: float) -> None:
    assert 0.0 <= overlap(one, other) <= 1.0
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, one) == 1.0
    # In halves of a second by counting: an independent way to the same number.
    mine, theirs = ({t / 2 for t in range(25) if span[0] <= t / 2 < span[1]} for span in (one, other))
    if mine | theirs and one != other:
        assert overlap(one, other) == pytest.approx(len(mine & theirs) / len(mine | theirs))


def test_mean_best_by_hand() -> None:
    right = [(0.0, 10.0), (20.0, 30.0)]
    assert mean_best([(0.0, 5.0), (20.0, 30.0), (0.0, 8.0)], right) == pytest.approx((0.8 + 1.0) / 2)
    assert mean_best([], right) == 0.0
    assert math.isnan(mean_best([(0.0, 5.0)], []))


@given(several, several, st.randoms())
def test_order_matters_to_the_first_moments_alone(found: list[Span], right: list[Span], rng: random.Random) -> None:
    shuffled, turned = found[:], right[:]
    rng.shuffle(shuffled)
    rng.shuffle(turned)
    assert mean_best(shuffled, turned) == pytest.approx(mean_best(found, right))
    assert mean_best(right, right) == 1.0
    assert recalled(right, turned, 1, 1.0) == 1.0
    chain = [recalled(found, right, k, 0.5) for k in range(1, 6)]
    assert chain == sorted(chain)


def test_recall_of_moments_by_hand() -> None:
    sample = Sample(id="s", spans=((0.0, 10.0),))
    output = Output(spans=((50.0, 60.0), (0.0, 5.0), (0.0, 10.0)))
    assert value("tiou@0.5", sample, output) == 0.0
    assert value("moment_recall@2:0.5", sample, output) == 1.0  # at least: exactly half is enough
    assert value("moment_recall@2:0.51", sample, output) == 0.0
    assert value("moment_recall@3:0.51", sample, output) == 1.0
    assert value("tiou", sample, output) == 1.0


@pytest.mark.parametrize("name", EVERY)
def test_what_is_scored(name: str) -> None:
    asked = Sample(id="s", spans=((0.0, 10.0),))
    assert value(name, asked, Output(spans=((0.0, 10.0),))) == 1.0
    assert value(name, asked, Output(spans=())) == 0.0
    assert value(name, asked, Output(verdict="unanswerable")) == 0.0
    assert math.isnan(value(name, asked, Output(text="at the start")))
    assert math.isnan(value(name, Sample(id="s"), Output(spans=((0.0, 1.0),))))
    assert math.isnan(value(name, Sample(id="s", spans=((0.0, 1.0),), answerable=False), Output(spans=())))
