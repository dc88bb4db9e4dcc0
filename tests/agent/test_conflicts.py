"""Evidence that contradicts itself: both sides are shown; what merely stands near is no conflict."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foveate.agent.conflicts import conflicting
from foveate.agent.state import QuoteRef
from foveate.rerankers.scripted import ScriptedChat
from tests.agent.towns import Reasoner, ask, cited, passage, towns

QUESTION = "When does the museum of Suva open?"
TEN = "The museum of Suva does open at ten."
NOON = "The museum of Suva does open at noon."


def quote(name: str, words: str, end: int | None = None) -> QuoteRef:
    return QuoteRef(chunk_id=name, start=0, end=len(words) if end is None else end, words="", step=1)


def against(chat: Any, *texts: tuple[str, str], answer: str = "ten", question: str = QUESTION) -> list[str]:
    quotes = [quote(name, words) for name, words in texts]
    found, _ = asyncio.run(conflicting(chat, question, answer, quotes, [words for _, words in texts]))
    return [one["chunk_id"] for one in found]


def sure(share: float) -> Reasoner:
    return Reasoner(contradicted=lambda claim, evidence: share)


def test_a_contradiction_is_named() -> None:
    chat = sure(0.97)
    assert against(chat, ("a", TEN), ("b", NOON)) == ["b"]
    assert chat.asked("verify") == [f"Evidence: {NOON}\nClaim: {TEN}"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.89])
def test_a_doubt_is_no_contradiction(share: float) -> None:
    assert against(sure(share), ("a", TEN), ("b", NOON)) == []


@pytest.mark.parametrize(
    "other",
    [
        ("a", NOON),  # of the same chunk
        ("b", "The museum of Suva does open at TEN."),  # it says the same
        ("b", "The museum of Nadi does open at noon."),  # of another place
        ("b", "Suva lies by the sea."),  # of another matter
        ("b", "It does open at noon."),  # of nobody
    ],
)
def test_what_cannot_contradict_is_not_asked_about(other: tuple[str, str]) -> None:
    chat = ScriptedChat([])  # it would fail loudly if it were asked
    assert against(chat, ("a", TEN), other) == [] and not chat.calls


def test_a_name_inside_another_word_is_not_that_name() -> None:
    chat = ScriptedChat([])
    texts = (("a", "The museum of Oman does open at ten."), ("b", "The museum for a woman does open at noon."))
    assert against(chat, *texts, question="When does the museum of Oman open?") == [] and not chat.calls


def test_a_name_may_be_inflected() -> None:
    texts = (("a", "Das Museum von Fiji ist offen ab zehn."), ("b", "Das Museum von Fijis Rat ist offen ab elf."))
    assert against(sure(0.99), *texts, answer="zehn", question="Wann ist das Museum von Fiji offen?") == ["b"]


def test_a_picture_told_in_words_contradicts_nothing() -> None:
    chat = ScriptedChat([])
    quotes = [quote("a", TEN), quote("b", NOON, end=0)]
    assert asyncio.run(conflicting(chat, QUESTION, "ten", quotes, [TEN, NOON]))[0] == []


def test_a_question_without_names_is_not_checked() -> None:
    chat = ScriptedChat([])
    assert against(chat, ("a", TEN), ("b", NOON), question="when does it open?") == []


def test_only_a_few_are_asked_about() -> None:
    others = [(f"b{i}", NOON.replace("noon", f"{i} o'clock")) for i in range(6)]
    chat = sure(0.99)
    assert len(against(chat, ("a", TEN), *others)) == len(chat.asked("verify")) == 2


def contradicting(claim: str, evidence: str) -> float:
    return 0.97 if {"ten", "noon"} <= {*claim.rstrip(".").split(), *evidence.rstrip(".").split()} else 0.02


@pytest.mark.parametrize("draft", [False, True])
def test_through_the_graph_both_sides_are_cited(tmp_path: Path, draft: bool) -> None:
    with towns(tmp_path, [passage("a", TEN), passage("b", NOON)]) as deps:
        chat = Reasoner("", {"open": "ten"}, contradicting)
        # A generator that reasons too drafts its answers: of a conflict it would tell one side only.
        state = ask(replace(deps, reasoner=chat, **({"model": chat} if draft else {})), QUESTION)
    assert (state["verdict"], state["reason"], state["short"]) == ("partial", "conflicting", "ten")
    assert cited(state) == {"a", "b"} and "ten" in state["text"] and "noon" in state["text"]


def test_through_the_graph_no_false_conflict(tmp_path: Path) -> None:
    points = [
        passage("a", TEN),
        passage("b", "The museum of Nadi does open at noon."),
        passage("c", "The museum of Suva does open its doors to noon visitors of the school at ten."),
    ]
    with towns(tmp_path, points) as deps:
        chat = Reasoner("", {"open": "ten"}, lambda claim, evidence: 0.99)  # sees a contradiction everywhere
        state = ask(replace(deps, reasoner=chat), QUESTION)
    assert (state["verdict"], state["reason"], state["short"]) == ("answered", "none", "ten")
    assert not chat.asked("verify")


def test_a_conflict_on_the_way_is_one_of_the_answer(tmp_path: Path) -> None:
    points = [
        passage("x", "The capital of Fiji is Suva."),
        passage("y", "The capital of Fiji is Levuka."),
        passage("m", "The mayor of Suva is Anna Kumar."),
    ]
    plan = "1 | any | What is the capital of Fiji? | -\n2 | any | Who is the mayor of #1? | 1"
    reads = {"capital of Fiji": "Suva", "mayor of Suva": "Anna Kumar"}
    with towns(tmp_path, points) as deps:
        chat = Reasoner(plan, reads, lambda claim, evidence: 0.99)
        state = ask(replace(deps, reasoner=chat), "Who is the mayor of the capital of Fiji?")
    assert (state["short"], state["reason"]) == ("Anna Kumar", "conflicting") and cited(state) == {"x", "y", "m"}
