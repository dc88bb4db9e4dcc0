import hashlib
import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics import vqa
from foveate.evals.metrics.vqa import normalised, vqa_accuracy

said = st.sampled_from(["red", "Blue", "two", "2", "the red", "light  blue", "T-shirt", ""])


def test_contractions_are_the_published_table() -> None:
    # sha256 of the sorted pairs of the official script's table, of which two map to themselves and are left out.
    pairs = json.dumps(sorted(vqa._CONTRACTIONS.items())).encode()
    assert len(vqa._CONTRACTIONS) == 118
    assert hashlib.sha256(pairs).hexdigest() == "ab882eb73e1449a3ce01b4c5a72c2e3cf05f573e40bde5d96cc8b8bfda8629bb"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        # Each line was made by the official script (GT-Vision-Lab/VQA, a013f00).
        ("Two dogs", "2 dogs"),
        ("none", "0"),
        ("the T-shirt", "t shirt"),
        ("T-shirt, red", "t shirt red"),
        ("well - known", "well known"),
        ("1,000", "1000"),
        ("1,000 (about)", "1000 about"),
        ("3.5", "3.5"),
        ("no.", "no"),
        ("dont know", "don't know"),
        ("youdve", "youdve"),
        ("you'dve", "you'd've"),
        ("somebody'd", "somebodyd"),
        ("Im here", "im here"),
        ("an a the", ""),
        ("red/blue", "red blue"),
        ("what?\tthis\n", "what this"),
        ("eleven", "eleven"),
        ("$5", "$5"),
    ],
)
def test_normalisation(text: str, plain: str) -> None:
    assert normalised(text) == plain


@given(st.text())
def test_normalisation_leaves_single_spaces(text: str) -> None:
    plain = normalised(text)
    assert plain == " ".join(plain.split())


def leave_one_out(text: str, answers: list[str]) -> float:
    """The published formula, one subset at a time."""
    plain = [normalised(answer) for answer in answers]
    subsets = [plain[:i] + plain[i + 1 :] for i in range(len(plain))]
    return sum(min(subset.count(normalised(text)) / 3, 1.0) for subset in subsets) / len(subsets)


@given(said, st.lists(said, min_size=10, max_size=12))
def test_ten_annotators_by_leaving_each_out(text: str, answers: list[str]) -> None:
    assert vqa_accuracy(text, answers) == pytest.approx(leave_one_out(text, answers), abs=1e-12)


def test_points_by_agreement_of_ten() -> None:
    # The values that papers know: 0, 0.3, 0.6, 0.9, 1.
    points = [vqa_accuracy("red", ["red"] * same + ["blue"] * (10 - same)) for same in range(6)]
    assert points == pytest.approx([0.0, 0.3, 0.6, 0.9, 1.0, 1.0])


def test_fewer_annotators() -> None:
    assert vqa_accuracy("Red", ["red"]) == 1.0
    assert vqa_accuracy("red", ["red", "crimson"]) == 1.0
    assert vqa_accuracy("red", ["red", "blue", "blue"]) == 0.5
    assert vqa_accuracy("red", ["red", "blue", "blue", "blue", "blue"]) == pytest.approx(1 / 3)
    assert vqa_accuracy("green", ["red"]) == 0.0
    assert math.isnan(vqa_accuracy("red", []))


@given(said, st.lists(said, min_size=1, max_size=12), st.randoms())
def test_bounds_and_order_of_annotators(text: str, answers: list[str], rng: random.Random) -> None:
    shuffled = answers[:]
    rng.shuffle(shuffled)
    value = vqa_accuracy(text, answers)
    assert 0.0 <= value <= 1.0
    assert vqa_accuracy(text, shuffled) == value
    assert vqa_accuracy(answers[0], answers[:1]) == 1.0


def test_a_unanimous_panel_is_met_in_any_spelling() -> None:
    assert vqa_accuracy("The T-Shirt.", ["t-shirt"] * 10) == 1.0
