"""Scores that heed negation, by hand."""

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.negated import Law, choose_law, names_of, negated_scores, standardised, weighed
from foveate.retrievers.negation import Wanted, split

LAW = Law(weight=2.0, level=0.5, bare=1.0)


def test_what_is_unwanted_is_taken_off_above_the_level() -> None:
    parts = [Wanted(text="dog"), Wanted(text="dog", unwanted=("cat",)), Wanted(text="", unwanted=("cat", "dog"))]
    names = names_of(parts)
    assert names == ["cat", "dog"]
    z = np.array([[1.5, 2.0], [0.25, 2.0]])  # pictures by (cat, dog)
    found = weighed(z, names, parts, LAW)
    # dog; dog - 2 (cat - .5)+; 1 - 2 (cat - .5)+ - 2 (dog - .5)+
    assert found == pytest.approx(np.array([[2.0, 0.0, -4.0], [2.0, 2.0, -2.0]]))


def test_deviations_over_the_background() -> None:
    texts = np.eye(2, dtype=np.float32)
    background = np.array([[x, 0.0] for x in np.linspace(0.0, 1.0, 101)], np.float32)
    found = standardised(np.array([[0.9, 0.0]], np.float32), texts, background, None)
    share = 101 / 117
    mean = share * 0.5 + (1 - share) * 0.105
    spread = share * 0.5 / 1.349 + (1 - share) * 0.06
    assert found[0, 0] == pytest.approx((0.9 - mean) / spread, abs=1e-6)


def test_a_picture_without_the_thing_comes_first() -> None:
    encoder = HashedEncoder()
    pictures = encoder.encode_text(["a dog", "a dog and a cat"])  # one space: texts stand for pictures here
    background = encoder.encode_text([f"thing {n}" for n in range(40)])
    query = "a dog but no cat"
    assert split(query).unwanted == ("cat",)
    scores = negated_scores(encoder, pictures, [query], background=background)[:, 0]
    assert scores[0] > scores[1]


def test_rows_of_another_encoder_are_refused() -> None:
    with pytest.raises(CallerError, match="rows of encoder"):
        negated_scores(HashedEncoder(), np.zeros((1, 3), np.float32), ["a dog"])


@pytest.mark.parametrize("values", [(-1.0, 0.0, 0.0), (1.0, float("nan"), 0.0), (1.0, 0.0, float("inf"))])
def test_a_law_of_no_numbers(values: tuple[float, float, float]) -> None:
    with pytest.raises(CallerError, match="finite"):
        Law(weight=values[0], level=values[1], bare=values[2])


def test_of_equal_laws_the_one_that_takes_off_least() -> None:
    assert choose_law(lambda law: 1.0).weight == 0.5
    assert choose_law(lambda law: law.weight).weight == 4.0
