"""What the steps of a plan come to together."""

from typing import Any

import pytest

from foveate.agent.outcome import Outcome, outcome_of
from foveate.agent.state import QuoteRef, StepAnswer
from foveate.rerankers.reasoning.planner import parse_plan

ONE = "1 | any | where is Nadi | -"
TWO = "1 | any | where is Nadi | -\n2 | any | where is Suva | -"
CHAIN = "1 | any | where is Nadi | -\n2 | any | currency of #1 | 1"
MOST = "1 | any | people of Fiji | -\n2 | any | people of Tonga | -\n3 | most | Fiji; Tonga | 1, 2"


def quote(name: str, step: int = 1, start: int = 0) -> QuoteRef:
    return QuoteRef(chunk_id=name, start=start, end=start + 9, words="", step=step)


def answer(
    text: str = "", *quotes: str, problem: str = "", against: tuple[str, ...] = (), sure: float = 0.9
) -> StepAnswer:
    return StepAnswer(
        query=f"q of {text}",
        text=text,
        probability=None,
        confidence=sure,
        quotes=[quote(name) for name in quotes],
        conflicts=[quote(name) for name in against],
        rounds=1,
        problem=problem,
    )


def outcome(plan: str, *answers: StepAnswer | None, instead: StepAnswer | None = None, asked: bool = False) -> Outcome:
    steps: list[dict[str, Any]] = [
        {"id": one.id, "kind": one.kind, "query": one.query, "after": list(one.after)} for one in parse_plan(plan).steps
    ]
    known = {str(i): one for i, one in enumerate(answers, 1) if one is not None}
    if instead is not None or asked:
        steps.append({"id": len(steps) + 1, "kind": "any", "query": "whole", "after": [], "instead": True})
        known |= {str(len(steps)): instead} if instead else {}
    read = [one for found in known.values() for one in found["quotes"]]
    return outcome_of({"steps": steps, "answers": known, "quotes": read})


def names(quotes: tuple[QuoteRef, ...]) -> list[str]:
    return [one["chunk_id"] for one in quotes]


def test_one_step() -> None:
    made = outcome(ONE, answer("Fiji", "a", "b"))
    assert (made.short, made.verdict, made.reason, made.counted) == ("Fiji", "answered", "none", False)
    assert names(made.carrying) == ["a"] and names(made.quotes) == ["a", "b"]


def test_a_chain_is_carried_by_every_link_and_as_sure_as_its_weakest() -> None:
    made = outcome(CHAIN, answer("Fiji", "a", "b", sure=0.6), answer("dollar", "c", sure=0.8))
    assert (made.short, made.confidence) == ("dollar", 0.6)
    assert names(made.carrying) == ["a", "c"] and names(made.quotes) == ["a", "c", "b"]
    assert made.chain == (("q of Fiji", "Fiji"), ("q of dollar", "dollar"))


@pytest.mark.parametrize(
    ("plan", "answers", "verdict", "reason"),
    [
        (ONE, [answer(problem="no evidence")], "unanswerable", "no_evidence"),
        (ONE, [answer("", "a", problem="no note answers it")], "answered", "none"),  # a draft may still quote it
        (ONE, [answer(problem="out_of_budget")], "unanswerable", "out_of_budget"),
        (ONE, [answer("", "a", problem="out_of_budget")], "partial", "out_of_budget"),
        (ONE, [answer("Fiji", "a", against=("b",))], "partial", "conflicting"),
        (CHAIN, [answer("Fiji", "a"), answer("", "c", problem="no note answers it")], "partial", "no_evidence"),
        (CHAIN, [answer("Fiji", "a"), answer(problem="out_of_budget")], "partial", "out_of_budget"),
        (CHAIN, [answer("Fiji", "a"), None], "partial", "no_evidence"),
        (CHAIN, [answer("Fiji", "a", against=("b",)), answer("dollar", "c")], "partial", "conflicting"),
        # Of two questions one has an answer: that is not all that was asked.
        (TWO, [answer("Fiji", "a"), answer(problem="no evidence")], "partial", "no_evidence"),
        (TWO, [answer("", "a"), answer("", "b")], "answered", "none"),  # without a reading model
        (TWO, [answer("Fiji", "a"), answer("Fiji", "b")], "answered", "none"),
        (TWO, [answer(problem="no evidence"), answer(problem="no evidence")], "unanswerable", "no_evidence"),
        (MOST, [answer("5", "a"), answer("7", "b"), answer("Tonga")], "answered", "none"),
    ],
)
def test_verdicts(plan: str, answers: list[StepAnswer | None], verdict: str, reason: str) -> None:
    made = outcome(plan, *answers)
    assert (made.verdict, made.reason) == (verdict, reason)
    assert made.out_of_budget == (reason == "out_of_budget")


def test_both_sides_of_a_conflict_carry() -> None:
    made = outcome(ONE, answer("ten", "a", "b", "c", against=("c",)))
    assert names(made.carrying) == ["a", "c"] and names(made.quotes) == ["a", "c", "b"]


def test_what_was_asked_instead_answers() -> None:
    made = outcome(CHAIN, answer(problem="no note answers it"), None, instead=answer("dollar", "z"))
    assert (made.short, made.verdict) == ("dollar", "answered") and names(made.carrying) == ["z"]
    made = outcome(CHAIN, answer("Fiji", "a"), answer("", "b"), instead=answer("", "z", problem="no note answers it"))
    assert (made.short, made.verdict, made.reason) == ("", "partial", "no_evidence")


def test_a_conflict_of_a_step_given_up_is_not_one_of_the_answer() -> None:
    made = outcome(CHAIN, answer("Fiji", "a", against=("b",)), answer("", "c"), instead=answer("dollar", "z"))
    assert (made.verdict, made.reason) == ("answered", "none")


def test_comparing_is_carried_by_what_was_compared() -> None:
    made = outcome(MOST, answer("5", "a"), answer("7", "b"), answer("Tonga"))
    assert made.counted and made.short == "Tonga" and names(made.carrying) == ["a", "b"]


def test_side_by_side_needs_every_answer() -> None:
    assert outcome(TWO, answer("Fiji", "a"), answer("Suva", "b")).short == "Fiji; Suva"
    assert outcome(TWO, answer("Fiji", "a"), answer("", "b")).short == ""


def test_a_place_read_twice_is_shown_once() -> None:
    made = outcome(TWO, answer("Fiji", "a", "b"), answer("Fiji", "a", "c"))
    assert names(made.carrying) == ["a"] and names(made.quotes) == ["a", "b", "c"]


def test_nothing_at_all() -> None:
    made = outcome(ONE)
    assert (made.short, made.quotes, made.confidence) == ("", (), 0.0)
    assert (made.verdict, made.reason) == ("unanswerable", "no_evidence")
