"""Whether a short answer is an option."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.agent.choosing.matching import says, stands


@pytest.mark.parametrize(
    ("short", "options", "right"),
    [
        ("Paris", ["Lyon", "Paris"], [1]),
        ("the PARIS.", ["Lyon", "paris"], [1]),
        ("It is Paris, France", ["Lyon", "Paris"], [1]),
        ("Paris", ["Lyon", "Paris, France"], [1]),
        ("a red car", ["car", "red car"], [1]),
        ("a red car", ["car", "dog"], [0]),
        ("red", ["red", "not red"], [0]),
        ("not red", ["red", "not red"], [1]),
        ("it is not red", ["red", "blue"], []),
        ("red", ["not red", "blue"], []),
        ("1,234", ["1234", "234"], [0]),
        ("85,885 people", ["46,100", "85,885"], [1]),
        ("193", ["193 square kilometres", "1,193 square kilometres"], [0]),
        ("1234.5", ["1234", "5"], []),
        ("+33", ["+33", "33"], [0]),
        ("minus 5", ["-5", "7"], []),
        ("Parisian", ["Paris", "Lyon"], []),
        ("red and blue", ["red", "blue", "green"], [0, 1]),
        ("B", ["cat", "dog"], []),  # a letter is no option's words
        ("", ["cat", "dog"], []),
        ("?", ["?", "cat"], []),
        ("a", ["a", "an"], [0]),
        ("東京", ["東京", "大阪"], [0]),
    ],
)
def test_says(short: str, options: list[str], right: list[int]) -> None:
    assert [i for i, one in enumerate(says(short, options)) if one] == right


def test_stands() -> None:
    assert stands("Suva", "The capital is Suva, by the sea.")
    assert not stands("Suva", "The capital is not Suva.")
    assert stands("Suva", "It is not Suva? Yes: Suva.")
    assert not stands("", "anything")


@given(st.text(max_size=60), st.lists(st.text(max_size=30), max_size=6))
def test_order_changes_nothing(short: str, options: list[str]) -> None:
    assert says(short, options[::-1]) == says(short, options)[::-1]
    assert len(says(short, options)) == len(options)
