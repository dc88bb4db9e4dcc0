"""Names that may not stand beside each other."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.unanswerable.kinship import Kinship
from tests.evals.unanswerable.made import WORDNET, kinship

NAMES = ("brown hen", "fowl", "heron", "sea lion", "lion", "butterfly", "fly", "biddy", "cherries", "cherry", "rabbit")


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("hen", "biddy", "one synset"),
        ("hen", "bird", "two steps up"),
        ("brown hen", "fowl", "its noun is a kind of the other"),
        ("Thor", "god", "an instance"),
        ("butterfly", "fly", "one noun in the other"),
        ("green apple", "green pepper", "a shared word"),
        ("cherries", "cherry", "one is the plural"),
        ("rabbit", "bunny", "a family"),
        ("flower", "rose", "a kind, by hand"),
    ],
)
def test_related_both_ways(one: str, other: str, why: str) -> None:
    assert kinship().related(one, other), why
    assert kinship().related(other, one), why


@pytest.mark.parametrize(("one", "other"), [("hen", "heron"), ("sea lion", "bird"), ("mug", "gull"), ("key", "saw")])
def test_siblings_and_strangers_are_not(one: str, other: str) -> None:
    assert not kinship().related(one, other)


def test_a_whole_label_is_looked_up_before_its_noun() -> None:
    """A seal is no sea lion's hypernym here but its synonym; a plain lion is neither."""
    assert kinship().related("seal", "sea lion")
    assert not kinship().related("seal", "lion")


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_symmetric_and_reflexive(one: str, other: str) -> None:
    there = kinship()
    assert there.related(one, other) == there.related(other, one)
    assert there.related(one, one)


def test_a_circle_ends() -> None:
    lines = ["1 05 n 01 one 0 001 @ 2 n 0000 | x\n", "2 05 n 01 two 0 001 @ 1 n 0000 | y\n"]
    assert Kinship.parsed(lines).related("one", "two")


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "data.noun"
    with pytest.raises(CallerError, match=r"no file .*data\.noun"):
        Kinship.read(path)
    path.write_text(WORDNET, encoding="latin-1")
    assert Kinship.read(path).related("hen", "fowl")
