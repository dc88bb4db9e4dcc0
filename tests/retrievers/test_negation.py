"""What a query wants and what it does not: forms by hand, look-alikes, properties over any text."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.retrievers.negation import Wanted, looked_for, split

FORMS = [
    ("pictures without people", "", ("people",)),
    ("a beach with no people", "a beach", ("people",)),
    ("a dog but not a cat", "a dog", ("cat",)),
    ("a dog but no cat", "a dog", ("cat",)),
    ("no dogs", "", ("dogs",)),
    ("neither cats nor dogs", "", ("cats", "dogs")),
    ("a plate with neither knife nor fork next to it", "a plate next to it", ("knife", "fork")),
    ("everything except cars", "", ("cars",)),
    ("everything but cars", "", ("cars",)),
    ("a street excluding parked cars and bicycles", "a street", ("parked cars", "bicycles")),
    ("a car-free street", "a street", ("car",)),
    ("a sky free of clouds", "a sky", ("clouds",)),
    ("sugar-free, dairy-free cake", "cake", ("sugar", "dairy")),
    ("cats, but no dogs, birds or fish, on a sofa", "cats, on a sofa", ("dogs", "birds", "fish")),
    ("a room with no people and a red chair", "a room and a red chair", ("people",)),
    ("a room with no one in it", "a room", ("person",)),
    ("a man who is not wearing a hat", "a man", ("wearing a hat",)),
    ("cars that aren\u2019t red", "cars", ("red",)),
    ("photos that don't contain any text", "", ("text",)),
    ("a picture of a dog; there is no cat in the picture", "a picture of a dog", ("cat",)),
    ("There is a dog. There is no cat.", "There is a dog.", ("cat",)),
    ("The image does not show a dog", "", ("dog",)),
    ("a living room without a television, with a sofa", "a living room, with a sofa", ("television",)),
    ("PICTURES WITHOUT PEOPLE", "", ("PEOPLE",)),
    ('A street with no "STOP" sign', "A street", ('"STOP" sign',)),
]
PLAIN = [
    "a dog on a beach",
    "no entry sign",
    "a no-entry sign",
    "no left turn",
    "no smoking",
    "no dogs allowed",
    "Nothing Compares 2 U",
    "not only dogs but cats",
    "no. 5",
    "Mambo No 5",
    "a knot in a rope",
    "a forget-me-not in a vase",
    "without a doubt a dog",
    "a hands-free phone",
    "Rebel Without a Cause",
    "No Country for Old Men",
    'a poster saying "no dogs"',
    "a poster saying “no dogs”",
    "a book called 'without people'",
    "no longer in use",
    "nothing but sand",
    "No",
    "no, a dog",
    "",
    "whether or not it rains",
    "north of Norway",
]


@pytest.mark.parametrize(("query", "text", "unwanted"), FORMS)
def test_forms(query: str, text: str, unwanted: tuple[str, ...]) -> None:
    assert split(query) == Wanted(text=text, unwanted=unwanted)


@pytest.mark.parametrize("query", PLAIN)
def test_what_only_looks_like_negation(query: str) -> None:
    assert split(query) == Wanted(text=query)


@pytest.mark.parametrize(
    ("query", "unwanted"),
    [
        ("is there no dog in my pictures?", "dog"),
        ("Isn't there a cat on the sofa?", "cat"),
        ("Isn\u2019t there a cat?", "cat"),
        ("Aren't there any pictures of boats?", "boats"),
        ("Are there no pictures of a red kite?", "red kite"),
        ("Is there not a single dog?", "dog"),
        ("Do I have no photos of Paris?", "Paris"),
        ("Does the picture show no dog?", "dog"),
    ],
)
def test_asking_whether_something_is_absent(query: str, unwanted: str) -> None:
    parts = split(query)
    assert (parts.asks_absence, parts.unwanted) == (True, (unwanted,))
    assert looked_for(query).unwanted == () and unwanted in looked_for(query).text


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("a man not without a hat", "a man with a hat"),
        ("never without a dog", "with a dog"),
        ("no pictures without people", "pictures with people"),
    ],
)
def test_two_negations_cancel(query: str, text: str) -> None:
    assert split(query) == Wanted(text=text)


@pytest.mark.parametrize(
    "query",
    [
        "How long can you live without water?",
        "Why is the sky not blue?",
        "Which country has no army?",
        "Tonga has no army",
        "The bridge is not open to cars",
    ],
)
def test_questions_and_claims_are_searched_as_they_stand(query: str) -> None:
    assert split(query).unwanted
    assert looked_for(query) == Wanted(text=query)


def test_questions_for_pictures_are_searched_by_their_parts() -> None:
    assert looked_for("Which pictures show a beach without people?").unwanted == ("people",)
    assert looked_for("a beach that has no people").unwanted == ("people",)
    assert looked_for("a beach without people") == split("a beach without people")


CUES = ["no", "not", "without", "neither", "nor", "except", "but", "free of", "isn't there", "there is no", ", ", ". "]
THINGS = ["dog", "red car", "the", "a", "people", "or", "and", "in", "on", "picture", "'x y'", '"no dog"', "is", "?"]
QUERIES = st.lists(st.sampled_from(CUES + THINGS), max_size=14).map(" ".join) | st.text(max_size=80)


@settings(deadline=None, max_examples=300)
@given(QUERIES)
def test_splitting_again_changes_nothing(query: str) -> None:
    once = split(query)
    assert split(once.text) == Wanted(text=once.text)
    assert split(query) == once


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(["dog", "zebra", "kite", "beach", *CUES, "a", "or", "and", "in"]), max_size=14))
def test_things_are_wanted_or_unwanted_but_never_lost_or_made_up(words: list[str]) -> None:
    query = " ".join(words)
    parts = split(query)
    kept = re.findall(r"\w+", " ".join((parts.text, *parts.unwanted)))
    for thing in ("dog", "zebra", "kite", "beach"):
        assert (thing in kept) == (thing in words)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["dog", "red", "beach", "knot", "nothing", "notes", "snow", "in", "a"]), max_size=12))
def test_without_a_cue_nothing_changes(words: list[str]) -> None:
    query = " ".join(words)
    assert split(query) == looked_for(query) == Wanted(text=query)


PIECES = [
    "no dog ",
    "no ",
    "not without ",
    "but, ",
    "'no ",
    "word ",
    "x",
    ", ",
    "\ue000",
    "a dog but no cat, ",
    "no picture ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_long_queries(piece: str) -> None:
    begun = time.perf_counter()
    whole = (piece * 20_000)[:20_000]
    assert split(whole) == looked_for(whole) == Wanted(text=whole)
    parts = split(whole[:1_000])
    assert split(parts.text) == Wanted(text=parts.text)
    assert time.perf_counter() - begun < 5.0
