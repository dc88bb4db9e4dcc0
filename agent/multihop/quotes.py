"""Retrieve, quote, then reason (ALR2: Li et al. 2024, arXiv 2410.03227): only what was quoted is reasoned over.

Each round the model copies the sentences it needs from the best candidates; the quotes of former rounds stand before
them, since a sentence may be needed only in the light of another. The next search is the question with the quotes.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from foveate.agent.citations import note_of
from foveate.agent.multihop.gathering import best_first, found_of, over, scores_of
from foveate.agent.multihop.protocols import Fact, Found, Gathered, Hop, Tools
from foveate.agent.state import QuoteRef
from foveate.chunking.passages import passages
from foveate.records import Chunk
from foveate.rerankers.reasoning.quotes import Quotes, quote, shorten
from foveate.rerankers.sentences import statements
from foveate.usage import Usage

__all__ = ["Note", "QuoteStrategy", "batches", "label_of", "notes_of"]

_FLOOR = 0.2
"""Probability below which a candidate is not read. Under the half of other readings, because the model looks again."""
_CHARS_PER_TOKEN = 3
"""A cautious guess for English and a byte-pair vocabulary, so that the budget is kept without a tokenizer."""
_OVERHEAD_TOKENS = 96
"""Instructions and chat template of the quote prompt."""
_QUERY_CHARS = 1000
"""Of a search: encoders read a few hundred tokens and no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A piece of a chunk, as a model is shown it."""

    chunk_id: str
    label: str
    text: str
    start: int
    """Offset of the piece in the chunk's text."""


@dataclass(kw_only=True, slots=True)
class _Progress:
    """One question's state; the strategy itself keeps none."""

    facts: list[Fact] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """One a fact, to be shown to the next round."""
    quoted: dict[str, Found] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    """Ids of all chunks that were read so far."""
    hops: list[Hop] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


class QuoteStrategy:
    """Rounds of search and quoting, while new quotes come."""

    name = "quotes"

    def __init__(self, *, floor: float = _FLOOR, max_tokens: int = 96) -> None:
        """Choose what is read.

        Args:
            floor: probability of being relevant that a candidate must have.
            max_tokens: of each reply.
        """
        self._floor = floor
        self._max_tokens = max_tokens

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """The chunks that were quoted, with the quotes; a chunk nobody quoted is not evidence, nor is a bare picture.

        A question of more than 2,000 characters is quoted for without its middle.

        Raises:
            CallerError: the question is empty, or the budget's prompt exceeds the model's context.
            ModelError, ServiceError: a model failed.
        """
        now = _Progress()
        ended = ""
        while not ended:
            ended = await self._round(question, tools, now)
        found = best_first(now.quoted.values())
        return Gathered(found=found, hops=tuple(now.hops), ended=ended, quoted=tuple(now.facts), usage=now.usage)

    async def _round(self, question: str, tools: Tools, now: _Progress) -> str:
        """One search and its quotes; why it was the last one, or nothing."""
        hop = len(now.hops) + 1
        query = " ".join([shorten(question, _QUERY_CHARS), *(" ".join(fact.text.split()) for fact in now.facts)])
        results = await tools.search(query, images=tools.pictures if hop == 1 else ())
        found = found_of(results, await scores_of(query, results, tools), hop=hop)
        # What was read in vain may be needed in the light of a quote, but only where nothing new asks for its place.
        worth = sorted((one for one in found if self._worth(one, now)), key=lambda one: one.chunk.id in now.read)
        chosen = worth[: tools.budget.evidence]
        now.read |= {one.chunk.id for one in chosen}
        in_time = True
        before, refused = len(now.facts), 0
        try:
            async with asyncio.timeout(_left(tools)):
                for batch in batches(question, now.notes, notes_of(chosen, tools), tools.budget.prompt_tokens):
                    told = await self._quote(question, batch, tools)
                    refused += len(told.refused)
                    _learn(told, batch, chosen, now)
        except TimeoutError:
            in_time = False
        new = now.facts[before:]
        now.hops.append(
            Hop(
                queries=(query,),
                found=tuple((one.chunk.id, one.score) for one in found),
                facts=tuple(new),
                note=f"read {len(chosen)}, quoted {len(new)}, refused {refused}",
            )
        )
        if not in_time:
            return "budget of time"
        return _ended(new, hop, tools)

    def _worth(self, one: Found, now: _Progress) -> bool:
        return one.score >= self._floor and one.chunk.id not in now.quoted and bool((one.chunk.text or "").strip())

    async def _quote(self, question: str, batch: Sequence[Note], tools: Tools) -> Quotes:
        labels = [note.label for note in batch]
        texts = [note.text for note in batch]
        return await quote(tools.model, question, texts, labels=labels, max_tokens=self._max_tokens)


def label_of(chunk: Chunk) -> str:
    """What a chunk is from, as answers are drafted with it: ``Document 'Fiji'``."""
    return note_of(QuoteRef(chunk_id=chunk.id, start=0, end=0, words="", step=0), chunk).removesuffix(": ")


def notes_of(found: Iterable[Found], tools: Tools) -> list[Note]:
    """The statements of chunks, one a note, as the agent's other readings show them.

    One that alone would take more than half of a prompt is cut between words.
    """
    room = max(tools.budget.prompt_tokens * _CHARS_PER_TOKEN // 2, 1)
    made = []
    for one in found:
        text, label = one.chunk.text or "", label_of(one.chunk)
        for whole in statements(text):
            for span in passages(text[whole.start : whole.end], max_chars=room, overlap=0):
                start = whole.start + span.start
                made.append(
                    Note(chunk_id=one.chunk.id, label=label, text=text[start : whole.start + span.end], start=start)
                )
    return made


def batches(question: str, known: Sequence[Note], fresh: Sequence[Note], tokens: int) -> list[list[Note]]:
    """Fresh notes in groups that fit a prompt of so many tokens, each after as much of what is known as fits in half.

    A group holds one fresh note at least. Without fresh notes there is none.
    """
    room = max(tokens - _OVERHEAD_TOKENS, 1) * _CHARS_PER_TOKEN - len(shorten(question))
    first: list[Note] = []
    for note in known:
        if _size([*first, note]) <= room // 2:
            first.append(note)
    groups: list[list[Note]] = []
    held: list[Note] = []
    for note in fresh:
        if held and _size([*first, *held, note]) > room:
            groups.append([*first, *held])
            held = []
        held.append(note)
    return [*groups, [*first, *held]] if held else groups


def _size(notes: Sequence[Note]) -> int:
    return sum(len(note.label) + len(note.text) + 8 for note in notes)


def _learn(told: Quotes, batch: Sequence[Note], chosen: Sequence[Found], now: _Progress) -> None:
    """Keep what is new of the quotes."""
    now.usage += told.usage
    known = {(fact.chunk_id, fact.text) for fact in now.facts}
    by_id = {one.chunk.id: one for one in chosen}
    for one in told.quotes:
        note = batch[one.note]
        # The quotes of former rounds are notes too, and to copy them again is nothing new.
        if note.chunk_id not in by_id or (note.chunk_id, one.text) in known:
            continue
        known.add((note.chunk_id, one.text))
        now.quoted[note.chunk_id] = source = by_id[note.chunk_id]
        now.facts.append(Fact(chunk_id=note.chunk_id, text=one.text, score=source.score))
        now.notes.append(Note(chunk_id=note.chunk_id, label=note.label, text=one.text, start=note.start + one.start))


def _ended(new: Sequence[Fact], hop: int, tools: Tools) -> str:
    if not new:
        return "no new quote"
    if hop >= tools.budget.hops:
        return "budget of hops"
    return "budget of time" if over(tools) else ""


def _left(tools: Tools) -> float | None:
    """Seconds until the deadline, for ``asyncio.timeout``."""
    return None if math.isinf(tools.deadline_s) else max(tools.deadline_s - time.monotonic(), 0.0)
