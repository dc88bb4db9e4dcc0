"""What the nodes work with: handed in at run time, never kept in state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from PIL.Image import Image

from foveate.memory.store import Store
from foveate.records import Chunk, Result
from foveate.rerankers.protocols import ChatModel, Reranker
from foveate.retrievers.points import chunk_of
from foveate.retrievers.protocols import Encoder
from foveate.retrievers.search import SearchQuery
from foveate.settings import Budget

if TYPE_CHECKING:
    from foveate.agent.answerability.senses import Senses
    from foveate.agent.multihop.protocols import Strategy

__all__ = ["Deps", "Finder"]


class Finder(Protocol):
    """Anything that searches: :class:`foveate.retrievers.search.Searcher` in the product."""

    def search(self, query: SearchQuery) -> list[Result]:
        """The best chunks, best first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deps:
    """Parts and limits of one agent."""

    store: Store
    encoder: Encoder
    searcher: Finder
    reranker: Reranker
    model: ChatModel
    """Drafts answers."""
    strategy: "Strategy"
    """Gathers evidence for a step."""
    budget: Budget
    look: Callable[[Chunk], Image]
    """Pixels of a chunk, rendered from the user's file for this call only."""
    load: Callable[[str], Image]
    """A picture of the question, from its path."""
    reasoner: ChatModel | None = None
    """Plans, reads and verifies; None plans by rules and leaves reading to the draft."""
    planning: Literal["model", "rules"] = "model"
    reading: Literal["sentences", "margins"] = "sentences"
    senses: "Senses | None" = None
    """Weigh whether the question can be answered; None answers whatever the evidence gives."""
    emit: Callable[[object], None] = field(default=lambda _: None)
    """Takes the events of :mod:`foveate.agent.events`."""

    @property
    def drafts(self) -> bool:
        """Whether a short answer is still put into sentences by the generator.

        A reasoner of its own stands beside a generator too small to be trusted with that: its answers are shown with
        the sentences of the evidence.
        """
        return self.reasoner is None or self.reasoner is self.model

    def chunks(self, ids: Sequence[str]) -> list[Chunk]:
        """Chunks by id, in order; those gone meanwhile are left out."""
        return [chunk_of(point) for point in self.store.get(list(ids))]
