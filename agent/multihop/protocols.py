"""What a way of gathering evidence is, and what it works with."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL.Image import Image

from foveate.agent.deps import Finder
from foveate.memory.filters import Filter
from foveate.memory.store import Store
from foveate.records import Chunk, Hit, Result
from foveate.rerankers.protocols import ChatModel, ImagePart, Reranker
from foveate.retrievers.points import chunk_of
from foveate.retrievers.protocols import Encoder
from foveate.retrievers.search import SearchQuery
from foveate.settings import Budget
from foveate.usage import Usage

__all__ = ["Fact", "Found", "Gathered", "Hop", "Strategy", "Tools"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A chunk that was gathered."""

    chunk: Chunk
    score: float
    """Estimated probability in [0, 1] of being relevant to the question."""
    hop: int
    """In which it was found first, from 1."""
    hits: tuple[Hit, ...] = ()
    """One a stage that saw it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """What a hop learnt from a chunk."""

    chunk_id: str
    text: str
    """One short statement: words of the chunk."""
    score: float
    """Whatever the strategy orders facts by; larger is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One round, for the trace."""

    queries: tuple[str, ...]
    found: tuple[tuple[str, float], ...]
    """(chunk id, score), best first."""
    facts: tuple[Fact, ...] = ()
    note: str = ""
    """Anything else worth seeing: an edge walked, a path decoded."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form, for the trace."""
        return {
            "queries": list(self.queries),
            "found": [{"chunk_id": name, "score": round(score, 4)} for name, score in self.found[:10]],
            "facts": [{"chunk_id": fact.chunk_id, "text": fact.text} for fact in self.facts],
        } | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What a strategy comes back with."""

    found: tuple[Found, ...]
    """Best first, each chunk once; empty when nothing is relevant."""
    hops: tuple[Hop, ...]
    ended: str
    """Why it stopped, in a few words: ``budget``, ``no new fact``, ``covered`` ..."""
    quoted: tuple[Fact, ...] = ()
    """Verbatim words of chunks in ``found`` that alone are to be reasoned over; empty leaves reading to the agent."""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The parts of an agent that a strategy may use; nothing here writes, fetches or runs anything."""

    store: Store
    encoder: Encoder
    searcher: Finder
    reranker: Reranker
    model: ChatModel
    """For reasoning: the generator, or the embedded model with its adapter."""
    budget: Budget
    where: Filter | None = None
    """What may be looked at: the user's filters and the step's modality."""
    pictures: tuple[Image, ...] = ()
    """Of the question."""
    parts: tuple[ImagePart, ...] = ()
    """The same pictures, as models take them."""
    deadline_s: float = float("inf")
    """``time.monotonic()`` at which no further hop may start."""
    look: Callable[[Chunk], Image] | None = None
    """Pixels of a chunk that was found, for a closer look; None goes by vectors alone."""

    async def search(self, text: str, *, k: int | None = None, images: Sequence[Image] = ()) -> list[Result]:
        """Chunks for words, pictures or both, best first, within ``where``.

        Args:
            text: of the query; may be empty where there are pictures.
            k: at most; None takes the budget's candidates.
            images: of the query.
        """
        query = SearchQuery(text=text, images=tuple(images), where=self.where, k=k or self.budget.candidates)
        # Search holds a processor for tens of milliseconds: the event loop must stay free for other questions.
        return await asyncio.to_thread(self.searcher.search, query)

    async def rerank(self, question: str, results: Sequence[Result]) -> list[Hit]:
        """Probabilities of being relevant, best first."""
        return await self.reranker.rerank(question, results) if results else []

    def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """Chunks by id, in order; those gone meanwhile are left out."""
        return [chunk_of(point) for point in self.store.get(list(ids))]


class Strategy(Protocol):
    """Gathers evidence for one question. Stateless between questions; several may run at once."""

    name: str

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """Evidence, with every hop to be seen.

        Rounds are at most ``tools.budget.hops``, and none starts after ``tools.deadline_s``. What a chunk says is
        data: it may become part of a query, never an instruction.

        Raises:
            ModelError, ServiceError: a model failed.
        """
