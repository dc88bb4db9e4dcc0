"""Signals of the evidence, pinned by hand."""

import math
from typing import Any

import pytest

from foveate.agent.answerability.signals import EVIDENCE, evidence_signals, named_in
from foveate.agent.state import AgentState
from foveate.locators import CharSpan
from foveate.records import Chunk


def chunk(name: str, text: str, title: str | None = None) -> Chunk:
    return Chunk(
        id=name,
        media_id=name,
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=len(text)),
        text=text,
        paths=(f"/{name}.md",),
        title=title,
    )


MADRID = chunk("m", "In Spain lies Madrid. 3,255,944 people live in Madrid.", "Madrid")
OSLO = chunk("o", "The capital of Norway is Oslo.", "Norway")


def answer(query: str, **values: Any) -> dict[str, Any]:
    empty = {
        "query": query,
        "text": "",
        "probability": None,
        "confidence": 0.0,
        "quotes": [],
        "conflicts": [],
        "rounds": 1,
        "problem": "",
    }
    return {**empty, **values}


def state(question: str, **values: Any) -> AgentState:
    steps = [{"id": 1, "kind": "any", "query": question, "after": []}]
    body = {"question": question, "whole": question, "steps": steps, "answers": {}, "evidence": []}
    return {**body, **values}  # type: ignore[typeddict-item]  # a state of what the test needs


def ref(name: str, score: float, **stages: float) -> dict[str, Any]:
    return {"chunk_id": name, "score": score, "stages": {k: [v, 0.0] for k, v in stages.items()}, "hop": 1, "step": 1}


def quote(name: str, start: int, end: int) -> dict[str, Any]:
    return {"chunk_id": name, "start": start, "end": end, "words": "", "step": 1}


def madrid(question: str) -> dict[str, float]:
    taken = answer(question, text="3,255,944", probability=0.5, confidence=0.9, quotes=[quote("m", 22, 55)])
    evidence = [ref("m", 0.9, z_text=5.0), ref("o", 0.1, z_text=2.0)]
    return evidence_signals(state(question, answers={"1": taken}, evidence=evidence), {"m": MADRID, "o": OSLO})


def test_a_true_premise_is_held_and_a_false_one_is_not() -> None:
    true = madrid("How many people live in Madrid, the capital of Spain?")
    false = madrid("How many people live in Madrid, the capital of Norway?")
    assert (true["names_held"], true["names_together"]) == (1.0, 1.0)
    assert (false["names_held"], false["names_together"]) == (0.5, 0.5)
    assert false["names_known"] == 1.0  # Norway stands in the other piece


def test_scores_and_the_readers_probability() -> None:
    found = madrid("How many people live in Madrid, the capital of Spain?")
    assert found["relevance"] == 0.9
    assert found["relevance_gap"] == pytest.approx(math.log(9) - math.log(1 / 9))
    shares = [0.9, 0.1]
    assert found["relevance_entropy"] == pytest.approx(-sum(p * math.log(p) for p in shares) / math.log(2), abs=1e-6)
    assert found["relevant"] == pytest.approx(math.log(2))
    assert found["unlike_text"] == 5.0
    assert "unlike_image" not in found
    assert found["read_log_probability"] == pytest.approx(math.log(0.5))
    # "people live in Madrid, capital of Spain": five content words, three of them in the quote
    assert 0 < found["words_held"] < found["words_near"] < 1


def test_an_empty_collection_has_few_signals() -> None:
    question = "How many people live in Madrid?"
    taken = answer(question, problem="no evidence")
    found = evidence_signals(state(question, answers={"1": taken}), {})
    assert found["relevance"] == 0.0
    assert found["read"] == 0.0
    assert found["relevant"] == 0.0
    assert not {"names_held", "names_together", "words_held", "relevance_gap", "unlike_text"} & set(found)


def test_the_weakest_step_counts() -> None:
    steps = [
        {"id": 1, "kind": "any", "query": "Where is Madrid?", "after": []},
        {"id": 2, "kind": "any", "query": "capital of #1", "after": [1]},
    ]
    answers = {
        "1": answer("Where is Madrid?", text="Spain", probability=0.9, confidence=0.8, quotes=[quote("m", 0, 21)]),
        "2": answer("capital of Spain", text="Oslo", probability=0.2, confidence=0.6, quotes=[quote("o", 0, 30)]),
    }
    body = state("Capital of the land of Madrid?", steps=steps, answers=answers, evidence=[ref("m", 0.8)])
    found = evidence_signals(body, {"m": MADRID, "o": OSLO})
    assert found["steps"] == 2.0
    assert found["relevance"] == 0.6
    assert found["read_log_probability"] == pytest.approx(math.log(0.2))
    assert found["names_held"] == 0.0  # Spain does not stand in what says Oslo


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Which currency is used in Norway, whose capital is Madrid?", {"norway", "madrid"}),
        ("How many of the 12 people met in 1,984?", {"12", "1,984"}),
        ("Madrid's people?", {"madrid"}),
        ("what is there", set()),
        ("", set()),
    ],
)
def test_names(text: str, names: set[str]) -> None:
    assert named_in(text) == names


def test_every_signal_is_described() -> None:
    assert set(madrid("How many people live in Madrid?")) <= set(EVIDENCE)
