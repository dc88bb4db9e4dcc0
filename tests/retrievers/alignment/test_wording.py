import pytest

from foveate.retrievers.alignment.wording import asked, caption, depictable, shown


@pytest.mark.parametrize(
    ("question", "noun", "subject"),
    [
        ("Which animal does this picture show?", "animal", "animal"),
        ("Which body of the solar system does this picture show?", "body of the solar system", None),
        ("What breed of dog is this?", "dog", "dog"),
        ("Which country does this flag belong to?", "country", "flag"),
        ("Which city is the capital of the country of this flag?", "city", "flag"),
        ("What is the capital of the country whose flag this is?", "capital", "flag"),
        ("Tell me the demonym of the country where this flag flies.", "demonym", "flag"),
        ("How many inhabitants does the country with this flag have?", "inhabitants", "flag"),
        ("Which of these cups did she drop?", "cups", "cups"),
        ("Is there a dog in this picture?", "dog", "dog"),
        ("What is this?", "What is this", "What is this"),
        ("  WHICH   bird\nis in the photo? ", "bird", "bird"),
        ("", "", ""),
    ],
)
def test_nouns_of_a_question(question: str, noun: str, subject: str | None) -> None:
    assert asked(question) == noun
    assert shown(question) == (noun if subject is None else subject)


def test_long_questions_take_no_time() -> None:
    assert asked("which " * 20_000) is not None
    assert shown("this " * 20_000) is not None


def test_what_a_picture_could_show() -> None:
    said = ["cat", "CAT", " cat ", "None of the above", "Yes", "no.", "", "all of these", "Nothing", "I cannot tell"]
    assert depictable(said) == ("cat",)
    kept = ("norway", "nothing hill", "both hands", "all spice", "a  man with\tno hat")
    assert depictable(kept) == ("norway", "nothing hill", "both hands", "all spice", "a man with no hat")


def test_caption() -> None:
    assert caption("red kite") == "a picture of red kite"
