"""Winoground's scores, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.matching import group_score, picture_score, text_score
from foveate.evals.metrics.metric import Context
from foveate.evals.samples import Output, Sample

SAMPLE = Sample(id="w", image_options=("a", "b"), options=("x", "y"), pairs=((0, 0), (1, 1)))


def scores(matrix: tuple[tuple[float, ...], ...] | None, sample: Sample = SAMPLE) -> list[float]:
    output = [Output(matrix=matrix)]
    return [float(f([sample], output, Context())[0, 0]) for f in (text_score, picture_score, group_score)]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (((0.9, 0.1), (0.2, 0.8)), [1, 1, 1]),
        (((0.9, 0.8), (0.5, 0.6)), [1, 0, 0]),  # the second text likes the first picture better
        (((0.5, 0.6), (0.4, 0.7)), [0, 1, 0]),  # the first picture likes the second text better
        (((0.1, 0.9), (0.8, 0.2)), [0, 0, 0]),
        (((0.5, 0.5), (0.5, 0.5)), [0, 0, 0]),  # a tie is no win
    ],
)
def test_by_hand(matrix: tuple[tuple[float, ...], ...], expected: list[float]) -> None:
    assert scores(matrix) == expected


def test_unscored() -> None:
    assert all(math.isnan(value) for value in scores(None))
    assert all(math.isnan(value) for value in scores(((0.1, 0.2), (0.3, 0.4)), Sample(id="n")))
    assert all(math.isnan(value) for value in scores(((0.1,),)))


def test_chance_is_what_the_paper_says() -> None:
    rng = np.random.default_rng(0)
    outputs = [Output(matrix=tuple(map(tuple, rng.random((2, 2)).tolist()))) for _ in range(20_000)]
    samples = [SAMPLE] * len(outputs)
    for metric, chance in ((text_score, 0.25), (picture_score, 0.25), (group_score, 1 / 6)):
        assert metric(samples, outputs, Context()).mean() == pytest.approx(chance, abs=0.012)


@given(st.lists(st.floats(-1, 1, allow_nan=False), min_size=4, max_size=4))
def test_group_is_both(values: list[float]) -> None:
    text, picture, group = scores(((values[0], values[1]), (values[2], values[3])))
    assert group == text * picture


def test_transposing_swaps_the_two() -> None:
    text, picture, _ = scores(((0.9, 0.8), (0.5, 0.6)))
    swapped_text, swapped_picture, _ = scores(((0.9, 0.5), (0.8, 0.6)))
    assert (text, picture) == (swapped_picture, swapped_text)
