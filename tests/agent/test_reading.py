"""From what was gathered to what is read: relevant, near the best, within the prompt, at its place."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agent.deps import Deps
from foveate.agent.events import Margin
from foveate.agent.multihop.protocols import Fact, Found
from foveate.agent.reading.margins import read_margins
from foveate.agent.reading.sentences import read_facts, read_sentences, worth_reading
from foveate.errors import MediaError, ServiceError
from foveate.rerankers.protocols import Message, Reply, TokenLogprob
from foveate.rerankers.reasoning.margins import HELPS
from foveate.rerankers.reasoning.prompts import READ
from foveate.rerankers.scripted import Line, ScriptedChat
from foveate.retrievers.points import chunk_of
from foveate.settings import Budget
from foveate.usage import Usage
from tests.agent.towns import ENCODER, Reasoner, ask, cited, passage, picture, towns

QUESTION = "What is the capital of Fiji?"
YES = TokenLogprob(token="Yes", logprob=-0.1, top=(("Yes", -0.1), ("No", -2.4)))


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[Deps]:
    with towns(tmp_path) as made:
        yield made


def text(name: str, words: str, score: float = 0.9) -> Found:
    return Found(chunk=chunk_of(passage(name, words)), score=score, hop=1)


def quoted(deps: Deps, *found: Found, question: str = QUESTION) -> list[str]:
    read = asyncio.run(read_sentences(question, found, 1, deps))
    texts = {one.chunk.id: one.chunk.text or "" for one in found}
    return [texts[one["chunk_id"]][one["start"] : one["end"]] if one["end"] else one["words"] for one in read.quotes]


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([], 0),
        ([0.49], 0),
        ([0.5], 1),
        ([0.9, 0.5], 1),  # odds 9 and 1
        ([0.9, 0.7], 2),  # odds 9 and 2.33
        ([0.6, 0.55, 0.5], 3),
        ([1.0, 0.99], 1),
        ([1.0, 1.0], 2),
    ],
)
def test_relevant_and_near_the_best(scores: list[float], kept: int) -> None:
    assert len(worth_reading([text(str(i), "x", score) for i, score in enumerate(scores)])) == kept


def test_irrelevant_evidence_is_not_read(deps: Deps) -> None:
    assert quoted(deps, text("a", "The capital of Fiji is Suva.", 0.4)) == []


def test_of_a_long_passage_the_sentences_that_matter_in_their_order(deps: Deps) -> None:
    filler = "Bread is baked at noon. Boats go by. "
    words = filler + "The capital of Fiji is Suva. " + filler + "In Fiji is the capital. " + filler
    found = quoted(deps, text("a", words))
    assert len(found) == 3 and "The capital of Fiji is Suva." in found and "In Fiji is the capital." in found
    assert [words.index(one) for one in found] == sorted(words.index(one) for one in found)


def test_no_more_chunks_than_the_budget(deps: Deps) -> None:
    found = [text(str(i), f"The capital number {i}.") for i in range(9)]
    assert len(quoted(replace(deps, budget=Budget(evidence=4)), *found)) == 4


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(st.sampled_from("ab .\n"), max_size=800), max_size=6), st.integers(64, 300))
def test_the_prompt_is_bounded(texts: list[str], tokens: int) -> None:
    class Only:
        budget = Budget(prompt_tokens=tokens)
        encoder = ENCODER

    found = [text(str(i), words) for i, words in enumerate(texts) if words.strip()]
    kept = quoted(Only(), *found)  # type: ignore[arg-type]  # a text is read with no other part
    assert sum(map(len, kept)) <= 3 * tokens
    assert bool(kept) == bool(found)


def test_a_sentence_longer_than_the_prompt_is_read_as_far_as_it_fits(deps: Deps) -> None:
    long = "The capital of Fiji is Suva and " + "so on and " * 100 + "that is all."
    (found,) = quoted(replace(deps, budget=Budget(prompt_tokens=64)), text("a", long))
    assert found == long[:192]


def test_a_picture_is_told_in_words(deps: Deps) -> None:
    red = Found(chunk=chunk_of(picture("barn", "red")), score=0.9, hop=1)
    (words,) = quoted(deps, red)
    assert words.startswith("a picture that looks like red (")
    read = asyncio.run(read_sentences(QUESTION, [red], 1, deps))
    assert read.told == 1 and read.quotes[0]["end"] == 0


@pytest.mark.parametrize("error", [OSError("gone"), MediaError("broken")])
def test_a_picture_that_is_gone_is_left_out(deps: Deps, error: Exception) -> None:
    def look(_: object) -> object:
        raise error

    red = Found(chunk=chunk_of(picture("barn", "red")), score=0.9, hop=1)
    assert quoted(replace(deps, look=look), red) == []  # type: ignore[arg-type]


def test_facts_are_found_where_they_stand() -> None:
    found = [text("a", "One. The capital of Fiji is Suva. Two."), text("b", "Two.")]
    facts = [
        Fact(chunk_id=found[0].chunk.id, text="The capital of Fiji is Suva.", score=1.0),
        Fact(chunk_id=found[1].chunk.id, text="invented words", score=1.0),
        Fact(chunk_id="nowhere", text="Two.", score=1.0),
        Fact(chunk_id=found[1].chunk.id, text="", score=1.0),
    ]
    (only,) = read_facts(facts, found, 3).quotes
    assert (only["chunk_id"], only["start"], only["end"], only["step"]) == (found[0].chunk.id, 5, 33, 3)


def margins(notes: Sequence[str | Exception]) -> ScriptedChat:
    """A model that copies notes, one a piece, and then reads."""
    left = list(notes)

    def reply(messages: Sequence[Message]) -> Line:
        if messages[0].text == READ.modules[0].text:
            return "Suva"
        if messages[-1].text == HELPS:
            return Reply(text="Yes", finish="length", usage=Usage(), logprobs=(YES,))
        return left.pop(0) if left else "none"

    return ScriptedChat(reply)


def test_margins_are_told_as_they_are_read(deps: Deps) -> None:
    found = [text("a", "The capital of Fiji is Suva."), text("b", "Bread is baked."), text("c", "Boats go by.")]
    events: list[object] = []
    chat = margins(["The capital of Fiji is Suva."])
    used = replace(deps, reasoner=chat, model=chat, emit=events.append)
    read = asyncio.run(read_margins(QUESTION, found, 2, used, float("inf")))
    told = [event for event in events if isinstance(event, Margin)]
    assert [(one.source, one.index, one.of) for one in told] == [
        ("/docs/a.md", 1, 3),
        ("/docs/b.md", 2, 3),
        ("/docs/c.md", 3, 3),
    ]
    assert [(one["chunk_id"], one["start"], one["end"], one["step"]) for one in read.quotes] == [
        (found[0].chunk.id, 0, 28, 2)
    ]
    json.dumps(read.quotes)


def test_a_model_that_fails_in_the_middle_leaves_the_margins_before(deps: Deps) -> None:
    found = [text("a", "The capital of Fiji is Suva."), text("b", "Bread is baked."), text("c", "Boats go by.")]
    chat = margins(["The capital of Fiji is Suva.", ServiceError("server is down")])
    used = replace(deps, reasoner=chat, model=chat)
    read = asyncio.run(read_margins(QUESTION, found, 1, used, float("inf")))
    assert [one["chunk_id"] for one in read.quotes] == [found[0].chunk.id] and "server is down" in read.failed


def test_margins_through_the_graph(deps: Deps) -> None:
    chat = Reasoner("", {"capital": "Suva"})
    without = ask(replace(deps, reasoner=chat), QUESTION)
    chat = margins(["The capital of Fiji is Suva."])  # type: ignore[assignment]
    state = ask(replace(deps, reasoner=chat, model=chat, reading="margins", planning="rules"), QUESTION)
    assert without["short"] == state["short"] == "Suva" and "capital" in cited(state)
