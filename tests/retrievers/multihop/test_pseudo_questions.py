"""Cloze questions: what a passage answers and what it raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.retrievers.multihop.pseudo_questions import ClozeAsker, Passage, Questions, keywords, names


def asked(text: str, title: str = "", tags: tuple[str, ...] = ()) -> Questions:
    return ClozeAsker().ask([Passage(text=text, title=title, tags=tags)])[0]


def test_each_name_and_number_is_blanked_and_other_names_are_raised() -> None:
    questions = asked("The harbour museum was founded by Agnes Tolliver in 1931.", title="Harbour museum")
    assert [(one.text, one.keywords) for one in questions.answers] == [
        ("The harbour museum was founded by what in 1931?", ("harbour", "museum")),
        ("The harbour museum was founded by Agnes Tolliver in which year?", ("agn", "harbour", "museum", "tolliv")),
    ]
    assert [(one.text, one.keywords) for one in questions.raises] == [
        (
            "What about Agnes Tolliver? The harbour museum was founded by Agnes Tolliver in 1931.",
            ("agn", "tolliv"),
        )
    ]


def test_the_subject_goes_with_statements_that_do_not_name_it() -> None:
    questions = asked("It lies in Yorkshire.", title="Whitby")
    assert questions.answers[0].text == "Whitby: It lies in what?"
    assert questions.answers[0].keywords == ("whitbi",)
    assert questions.answers[0].meaning == "Whitby: It lies in Yorkshire."
    assert asked("# Whitby\n\nIt lies in Yorkshire.", title="Gazetteer").answers[0].text == "Whitby: It lies in what?"


def test_a_passage_does_not_raise_its_own_subject() -> None:
    assert asked("Agnes Tolliver built boats. Agnes Tolliver was rich.").raises == ()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("She sailed to the Isle of Man and back.", ["Isle of Man"]),
        ("Boats are built in Newcastle upon Tyne.", ["Newcastle", "Tyne"]),
        ("Agnes met O'Neill, Björn and Ludwig van Beethoven.", ["O'Neill", "Björn", "Ludwig van Beethoven"]),
        ("Guinea-Bissau borders Senegal.", ["Guinea-Bissau", "Senegal"]),
        ("Bread is baked.", []),
        ("the sea of", []),
        ("Ending with Isle of", ["Isle"]),
    ],
)
def test_names(statement: str, found: list[str]) -> None:
    assert names(statement) == found


def test_captions_without_names_lead_on_as_a_whole() -> None:
    questions = asked("a red kite over the sea")
    assert [one.keywords for one in questions.raises] == [("kite", "red", "sea")]
    assert [one.keywords for one in questions.answers] == [("kite", "red", "sea")]


def test_tags_of_a_mute_picture() -> None:
    questions = asked("", tags=("kite", "the sea", "of"))
    assert [(one.text, one.keywords) for one in questions.raises] == [
        ("What about kite?", ("kite",)),
        ("What about the sea?", ("sea",)),
    ]
    assert {one.meaning for one in questions.answers} == {"a picture of kite, the sea"}


def test_years_and_numbers() -> None:
    found = {one.text for one in asked("Fiji had 924,610 people in 2017.").answers}
    assert "Fiji had which number people in 2017?" in found
    assert "Fiji had 924,610 people in which year?" in found


def test_limits() -> None:
    long = " ".join(f"Town{i} trades with Port{i} and Bay{i} since {1900 + i}." for i in range(50))
    questions = ClozeAsker(statements=3, answers=5, raises=4).ask([Passage(text=long)])[0]
    assert len(questions.answers) == 5 and len(questions.raises) == 4
    assert len({one.meaning for one in (*questions.answers, *questions.raises)}) == 3
    # Three statements share five places: each has one before any has two.
    assert [f"Bay{i}" in one.text for i, one in zip((0, 1, 2, 0, 1), questions.answers, strict=True)] == [True] * 5


def test_of_100_000_characters_the_beginning_is_read() -> None:
    text = "Agnes Tolliver met Björn Stone in 1931 " * 2_500
    questions = asked(text)
    assert questions == asked(text[:20_000]) and questions.answers
    assert all(len(one.meaning) < 1_000 for one in questions.answers)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=400), st.text(max_size=30))
def test_any_text_gives_questions_with_keywords(text: str, title: str) -> None:
    questions = asked(text, title)
    for one in (*questions.answers, *questions.raises):
        assert one.keywords and list(one.keywords) == sorted(set(one.keywords))
        assert one.text.strip() and one.meaning.strip()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(["Whitby lies in Yorkshire.", "It opens at ten.", "", "a kite"]), max_size=5))
def test_company_changes_nothing(said: list[str]) -> None:
    passages = [Passage(text=text) for text in said]
    asker = ClozeAsker()
    assert asker.ask(passages) == [asker.ask([one])[0] for one in passages]


def test_keywords_are_folded_stemmed_and_meaningful() -> None:
    assert keywords("The Boats of the HÁRBOUR, \ufb01sh, and boats") == ("boat", "fish", "hárbour")
