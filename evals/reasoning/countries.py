"""Rows over the knowledge base's training half: its plans, and its questions read from what retrieval really finds."""

import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.agent.citations import note_of
from foveate.agent.deps import Deps
from foveate.agent.multihop.protocols import Found, Tools
from foveate.agent.multihop.single import SingleShot
from foveate.agent.reading.sentences import read_sentences
from foveate.evals.reasoning.rows import noted, plan_row, quote_row, read_row
from foveate.rerankers.lora.completions import Completion
from foveate.rerankers.reasoning.plans import fill
from foveate.rerankers.reasoning.reader import holds

__all__ = ["Base", "countries", "flags", "load_base", "plans"]

_QUOTED = 0.3
_KEPT_MISSES = 0.35
"""Share of the steps whose evidence was not found that teach "none"; to the others the right sentence is given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A built knowledge base: its training half."""

    questions: tuple[Mapping[str, Any], ...]
    documents: Mapping[str, Mapping[str, Any]]


def load_base(folder: Path) -> Base:
    """Read it; held-out questions are left out here, so that nothing after this line can see them."""
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]
    documents = [json.loads(line) for line in (folder / "documents.jsonl").read_text("utf-8").splitlines()]
    return Base(
        questions=tuple(row for row in rows if row["half"] == "train"),
        documents={row["id"]: row for row in documents},
    )


def plans(base: Base) -> Iterator[Completion]:
    """How each question is to be split."""
    for asked in base.questions:
        steps = [(kind, query, needs) for kind, query, needs in asked["plan"]]
        yield plan_row(asked["text"], steps, asked["id"])


async def countries(base: Base, deps: Deps, rng: random.Random) -> AsyncIterator[Completion]:
    """Each step of each question, and two-hop questions as a whole, over the notes that the agent would read."""
    seen: set[str] = set()
    for asked in base.questions:
        replies = dict(enumerate(asked["replies"], 1))
        for number, (kind, query, _) in enumerate(asked["plan"], 1):
            text = fill(query, replies)
            facts = asked["facts"][number - 1]
            if kind != "any" or not facts:
                continue
            # The question as it was asked where it is one step, the canonical sub-question elsewhere; each once.
            text = asked["text"] if asked["kind"] == "one_hop" else text
            if text in seen:
                continue
            seen.add(text)
            answers = asked["answers"] if number == len(asked["plan"]) else [replies[number]]
            async for row in _step(base, deps, rng, text, answers, facts, asked["id"]):
                yield row
        if asked["kind"] == "two_hop" and rng.random() < 0.5:
            async for row in _whole(base, deps, rng, asked):
                yield row


async def _step(
    base: Base,
    deps: Deps,
    rng: random.Random,
    question: str,
    answers: Sequence[str],
    facts: Sequence[Any],
    group: str,
) -> AsyncIterator[Completion]:
    notes = await _notes(question, deps)
    wanted = _sentences(base, facts)
    there = [note for note in notes if any(sentence in note for _, sentence in wanted)]
    if not there and rng.random() >= _KEPT_MISSES:
        notes.insert(rng.randint(0, min(2, len(notes))), noted(*wanted[0]))
        there = [noted(*wanted[0])]
    if not notes:
        return
    answer = _copied(there[0], answers) if there else None
    yield read_row(question, notes, answer, group)
    if rng.random() < _QUOTED:
        yield quote_row(question, notes, [sentence for _, sentence in wanted if there], group)


async def _whole(base: Base, deps: Deps, rng: random.Random, asked: Mapping[str, Any]) -> AsyncIterator[Completion]:
    """The question as asked, with the evidence of both hops among what its own search finds."""
    wanted = [pair for facts in asked["facts"] for pair in _sentences(base, facts)]
    notes = [note for note in await _notes(asked["text"], deps) if not any(text in note for _, text in wanted)][:5]
    for pair in wanted:
        notes.insert(rng.randint(0, len(notes)), noted(*pair))
    last = noted(*wanted[-1])
    yield read_row(asked["text"], notes, _copied(last, asked["answers"]), asked["id"])
    yield quote_row(asked["text"], notes, [text for _, text in wanted], asked["id"])


def flags(base: Base, rng: random.Random) -> Iterator[Completion]:
    """Whose flag a picture shows, from the captions of the pictures that look like it, nearest first."""
    captions = sorted(row["title"] for name, row in base.documents.items() if name.startswith("pictures/flag-"))
    for asked in base.questions:
        if asked["kind"] != "picture":
            continue
        query = asked["plan"][0][1]
        text = asked["text"] if len(asked["plan"]) == 1 else query
        right = base.documents[asked["facts"][0][0][0]]["title"]
        others = [caption for caption in rng.sample(captions, 3) if caption != right]
        notes = [noted("", caption, "Picture") for caption in (right, *others[: rng.randint(0, 2)])]
        answer = _copied(notes[0], [asked["replies"][0]])
        yield read_row(text, notes, answer, asked["id"])


async def _notes(question: str, deps: Deps) -> list[str]:
    tools = Tools(
        store=deps.store,
        encoder=deps.encoder,
        searcher=deps.searcher,
        reranker=deps.reranker,
        model=deps.model,
        budget=deps.budget,
    )
    gathered = await SingleShot().gather(question, tools)
    read = await read_sentences(question, gathered.found, 1, deps)
    chunks: dict[str, Found] = {one.chunk.id: one for one in gathered.found}
    return [note_of(quote, chunks[quote["chunk_id"]].chunk) for quote in read.quotes]


def _sentences(base: Base, facts: Sequence[Any]) -> list[tuple[str, str]]:
    """(title, sentence) of each fact."""
    rows = [(base.documents[document], sentence) for document, sentence in facts]
    return [(row["title"], row["sentences"][sentence]) for row, sentence in rows]


def _copied(note: str, answers: Sequence[str]) -> str | None:
    """The first accepted form that the note holds, as the note writes it."""
    for answer in answers:
        if holds(note, answer):
            at = note.casefold().find(answer.casefold())
            return note[at : at + len(answer)] if at >= 0 else answer
    return None
