"""Questions: plans that hold, answers that stand where the facts say, halves and phrasings kept apart."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.answers import normalised
from foveate.rerankers.reasoning.plans import KINDS, Plan, Step, fill
from foveate.retrievers.training.countries import phrasings
from foveate.retrievers.training.countries.passages import passages
from foveate.retrievers.training.countries.questions import COUNTS, Question, balanced, questions
from tests.retrievers.countries.made import small_world

WORLD = small_world()
PASSAGES = {passage.id: passage for passage in passages(WORLD)}
ALL = questions(WORLD, PASSAGES.values(), {"Fiji", "Tonga", "Peru"}, dict.fromkeys(COUNTS, 10_000))
BY_ID = {question.id: question for question in ALL}


@pytest.mark.parametrize("kind", COUNTS)
def test_every_kind_is_asked_of_both_halves(kind: str) -> None:
    assert {question.half for question in ALL if question.kind == kind} == {"train", "held_out"}


def test_plans_hold_and_their_answers_stand_in_the_sentences() -> None:
    for question in ALL:
        steps = [
            Step(id=i, kind=kind, query=query, after=after) for i, (kind, query, after) in enumerate(question.plan, 1)
        ]  # type: ignore[arg-type]
        Plan(steps=tuple(steps))
        assert all(step.kind in KINDS for step in steps)
        assert len(question.facts) == len(question.replies) == len(steps)
        assert question.answers[0] == question.replies[-1]
        for (kind, _, _), reply, facts in zip(question.plan, question.replies, question.facts, strict=True):
            if kind == "any":
                ((document, sentence),) = facts
                assert reply in PASSAGES[document].sentences[sentence]
            else:
                assert kind in ("most", "least", "picture")


def test_two_hops_by_hand() -> None:
    question = BY_ID["two_hop/city>currency/nadi"]
    assert question.plan == (
        ("any", "In which country does Nadi lie?", ()),
        ("any", "Which currency is used in #1?", (1,)),
    )
    assert question.replies == ("Fiji", "Fijian dollar") and question.answers == ("Fijian dollar",)
    assert fill(question.plan[1][1], {1: "Fiji"}) == "Which currency is used in Fiji?"
    assert [document for ((document, _),) in question.facts] == ["cities/nadi", "countries/fiji-state"]
    assert "Nadi" in question.text and "Fiji" not in question.text


def test_three_hops_by_hand() -> None:
    question = BY_ID["three_hop/city>capital>timezone/nadi"]
    assert question.replies == ("Fiji", "Suva", "Pacific/Fiji")
    assert [after for _, _, after in question.plan] == [(), (1,), (2,)]
    assert "the capital of" in question.text


def test_pictures_by_hand() -> None:
    question = BY_ID["picture/flag>currency/fiji"]
    assert (question.picture, question.plan[0][0], question.replies[0]) == ("flag-fiji", "picture", "Fiji")
    assert question.facts[0] == (("pictures/flag-fiji", 0),)
    assert "Fiji" not in question.text
    # A flag that others look like is never asked about.
    assert not any(question.picture and "Bolivia" in question.countries for question in ALL)


def test_the_two_documents_of_two_hops_differ() -> None:
    for question in ALL:
        if question.kind in ("two_hop", "three_hop"):
            documents = [document for facts in question.facts for document, _ in facts]
            assert len(set(documents)) == len(documents)


def test_comparisons_name_the_one_that_has_more() -> None:
    values = {country.name: country for country in WORLD.countries}
    compared = [question for question in ALL if question.relation == "smaller_area"]
    assert compared
    for question in compared:
        first, second = question.countries
        small = min(question.countries, key=lambda name: values[name].area_km2 or 0)
        assert question.answers[0] == small and question.plan[-1] == ("least", f"{first}; {second}", (1, 2))


def test_halves_are_apart() -> None:
    for question in ALL:
        assert {WORLD.country(name).half for name in question.countries} == {question.half}
        assert question.half == "held_out" or question.phrasing == "seen"


def test_unseen_phrasings_are_asked_of_the_held_out_half_alone() -> None:
    tails = [text.split("{x}")[0] for texts in phrasings.ASKED.values() for text in phrasings.unseen(texts)]
    tails = [tail for tail in tails if len(tail) > 12]
    asked = {phrasing: [q.text for q in ALL if q.phrasing == phrasing] for phrasing in ("seen", "unseen")}
    assert not any(text.startswith(tail) for text in asked["seen"] for tail in tails)
    assert any(text.startswith(tail) for text in asked["unseen"] for tail in tails)


def test_lists_of_phrasings() -> None:
    lists = [*phrasings.ASKED.values(), phrasings.FLAG]
    lists += [texts for _, texts in phrasings.BRIDGES.values()] + [texts for *_, texts in phrasings.COMPARED.values()]
    for texts in lists:
        assert len(set(texts)) == len(texts) >= 5 + phrasings.UNSEEN
        assert not set(phrasings.seen(texts)) & set(phrasings.unseen(texts))


def test_accepted_forms() -> None:
    assert BY_ID["one_hop/area/fiji"].answers[:2] == ("18,270 square kilometres", "18,270")
    assert "103,197 people" in BY_ID["one_hop/population/tonga"].answers
    assert normalised("the Bahamas") in map(normalised, BY_ID["one_hop/city_country/lucaya"].answers)


def _question(number: int, relation: str) -> Question:
    made = BY_ID["one_hop/area/fiji"]
    return Question(
        **{name: getattr(made, name) for name in made.__slots__} | {"id": str(number), "relation": relation}
    )


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(0, 30))
def test_balanced(relations: list[str], count: int) -> None:
    found = [_question(number, relation) for number, relation in enumerate(relations)]
    kept = balanced(found, count)
    assert len(kept) == min(count, len(found)) and len({one.id for one in kept}) == len(kept)
    there, taken = Counter(relations), Counter(one.relation for one in kept)
    most = max(taken.values(), default=0)
    # Whatever has fewer than the most by two had no more to give.
    assert all(taken[name] >= most - 1 or taken[name] == there[name] for name in there)


def test_fewer_are_asked_when_fewer_are_wanted() -> None:
    few = questions(WORLD, PASSAGES.values(), {"Fiji"}, dict.fromkeys(COUNTS, 4))
    assert Counter((one.kind, one.half) for one in few)["one_hop", "train"] == 2
    assert {one.id for one in few} <= set(BY_ID)
