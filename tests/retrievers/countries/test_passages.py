"""Documents: one topic each, every sentence with its subject, every fact where the record says."""

import pytest

from foveate.retrievers.training.countries.passages import TOPICS, Passage, passages, slug
from foveate.retrievers.training.countries.wordings import SENTENCES, chosen, shuffled_by
from tests.retrievers.countries.made import small_world

PASSAGES = {passage.id: passage for passage in passages(small_world())}


def test_one_document_a_topic_and_city() -> None:
    assert len(PASSAGES) == 5 * len(TOPICS) + len(small_world().cities)
    assert set(PASSAGES["countries/fiji-state"].facts) == {"capital", "currency"}
    assert set(PASSAGES["countries/bolivia-people"].facts) == {"population"}
    assert set(PASSAGES["cities/suva"].facts) == {"country", "population", "timezone"}


@pytest.mark.parametrize("passage", PASSAGES.values(), ids=list(PASSAGES))
def test_sentences_name_their_subject_and_spans_are_theirs(passage: Passage) -> None:
    assert passage.markdown == f"# {passage.title}\n\n{passage.text}\n"
    assert sorted(passage.facts.values()) == list(range(len(passage.sentences)))
    for fact, number in passage.facts.items():
        start, end = passage.span(fact)
        assert passage.text[start:end] == passage.sentences[number]
        assert passage.subject in passage.sentences[number]
        assert passage.sentences[number].endswith(".") and "{" not in passage.sentences[number]


def test_values_stand_where_they_are_said_to() -> None:
    def stated(name: str, fact: str) -> str:
        return PASSAGES[name].sentences[PASSAGES[name].facts[fact]]

    assert "Suva" in stated("countries/fiji-state", "capital")
    assert "Fijian dollar" in stated("countries/fiji-state", "currency")
    assert "18,270 square kilometres" in stated("countries/fiji-land", "area")
    assert "883,483" in stated("countries/fiji-people", "population")
    assert ".fj" in stated("countries/fiji-lines", "tld")
    assert "the Bahamas" in stated("cities/nassau", "country")
    assert "the Caribbean" in stated("countries/bahamas-land", "subregion")
    assert "Bolivia" in stated("countries/peru-land", "neighbours")
    assert {"Fiji has no land border.", "No country borders Fiji on land.", "On land, Fiji has no neighbour."} >= {
        stated("countries/fiji-land", "neighbours")
    }


def test_a_document_of_a_city_does_not_answer_the_second_hop() -> None:
    city = PASSAGES["cities/suva"]
    assert "capital" not in city.text.lower() and "dollar" not in city.text


def test_wordings_differ_from_subject_to_subject() -> None:
    assert all(len(wordings) >= 3 and len(set(wordings)) == len(wordings) for wordings in SENTENCES.values())
    assert len({chosen(SENTENCES["capital"], str(i)) for i in range(40)}) == len(SENTENCES["capital"])
    assert len({tuple(shuffled_by(["a", "b"], str(i))) for i in range(20)}) == 2
    assert chosen(SENTENCES["capital"], "x") == chosen(SENTENCES["capital"], "x")


def test_slugs() -> None:
    assert [slug(name) for name in ("São Tomé", "Nuku'alofa", "St. George's", "Guinea-Bissau")] == [
        "sao-tome", "nukualofa", "st-georges", "guinea-bissau"
    ]  # fmt: skip
