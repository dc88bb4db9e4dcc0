import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.parts import Parts, parts_of


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A dog chases a cat in the garden.", ("dog", "chases", "cat")),
        ("a red circle left of a blue square", ("red circle", "left of", "blue square")),
        ("a red circle to the left of a blue square", ("red circle", "left of", "blue square")),
        ("The cup in front of the lamp", ("cup", "front of", "lamp")),
        ("a cat next to a banana", ("cat", "next to", "banana")),
        ("A boy is riding a brown horse on a beach", ("boy", "riding", "brown horse")),
        ("A kite is carried by a boy", ("kite", "carried by", "boy")),
        ("Show me a picture of a man holding an umbrella", ("man", "holding", "umbrella")),
        ("Which photo shows the famous mausoleum in Agra?", ("famous mausoleum", "in", "agra")),
        ("poultry looking for worms in the grass", ("poultry", "looking for", "worms")),
        ("an elephant and a lion", ("elephant", "", "lion")),
        ("a running man", ("running man", "", "")),
        ("a painting", ("painting", "", "")),
        ("kitten", ("kitten", "", "")),
        ("in the box", ("box", "", "")),
        ("", ("", "", "")),
        ("?!", ("", "", "")),
    ],
)
def test_by_hand(sentence: str, expected: tuple[str, str, str]) -> None:
    subject, action, object_ = expected
    assert parts_of(sentence) == Parts(subject=subject, action=action, object=object_)


def test_roles_are_those_there_are() -> None:
    assert parts_of("a dog chases a cat").roles == {"subject": "dog", "action": "chases", "object": "cat"}
    assert parts_of("a dog").roles == {"subject": "dog"}
    assert parts_of("").roles == {}


@given(st.text(max_size=200))
def test_any_text_is_taken_and_no_word_is_invented(sentence: str) -> None:
    parts = parts_of(sentence)
    for words in (parts.subject, parts.action, parts.object):
        assert all(word in sentence.lower() for word in words.split())
