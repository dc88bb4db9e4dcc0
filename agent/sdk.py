"""The Python SDK: open a collection, index, search, ask."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph.state import CompiledStateGraph
from PIL.Image import Image

from foveate.agent.answerability.senses import Senses
from foveate.agent.asking import checked, describe_collection, record
from foveate.agent.deps import Deps
from foveate.agent.entailment import Verification, verify_in
from foveate.agent.events import Answered, Event
from foveate.agent.graph import build_graph
from foveate.agent.loop import Loop
from foveate.agent.multihop.protocols import Strategy
from foveate.agent.multihop.table import open_strategy
from foveate.agent.reasoning import opener
from foveate.agent.reranking import open_reranker
from foveate.agent.state import AgentState
from foveate.locators import Box
from foveate.media.render import crop
from foveate.memory.collection import Collection, EncoderInfo
from foveate.memory.filters import parse
from foveate.memory.threads import open_threads
from foveate.records import Answer, Chunk, Citation, Result
from foveate.rerankers.open_chat import generator_of
from foveate.rerankers.protocols import ChatModel, Reranker
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.ingest import Indexer
from foveate.retrievers.progress import IndexProgress, IndexReport
from foveate.retrievers.protocols import Encoder
from foveate.retrievers.search import Searcher, SearchQuery
from foveate.settings import Settings

__all__ = ["Agent"]

PathIn = str | PathLike[str]
_Graph = CompiledStateGraph[Any, Deps, Any, Any]
_LOOK_PX = 512


class Agent:
    """Everything foveate does with one collection. Use it as a context manager.

    Example:
        >>> from foveate import Agent
        >>> with Agent.open("home") as agent:          # doctest: +SKIP
        ...     agent.index(["~/Pictures"])
        ...     print(agent.ask("Which birds did I see at the coast?").text)
    """

    def __init__(
        self,
        collection: Collection,
        encoder: Encoder,
        model: ChatModel,
        reranker: Reranker,
        settings: Settings,
        *,
        strategy: Strategy,
        reasoner: Callable[[], ChatModel | None],
    ) -> None:
        self._collection = collection
        self._encoder = encoder
        self._model = model
        self._reranker = reranker
        self._open_reasoner = reasoner
        self._strategy = strategy
        self._settings = settings
        self._searcher = Searcher(collection.store, encoder)
        self._senses = Senses(collection.store, encoder, settings)
        self._loop = Loop()
        self._opening: asyncio.Task[tuple[_Graph, AsyncSqliteSaver]] | None = None

    @classmethod
    def open(
        cls,
        name: str = "home",
        *,
        create: bool = True,
        settings: Settings | None = None,
        encoder: Encoder | str | None = None,
        model: ChatModel | None = None,
        reranker: Reranker | str | None = None,
        reasoner: ChatModel | str | None = None,
        strategy: Strategy | str | None = None,
        **flags: Any,
    ) -> Self:
        """Open a collection, making it when it is not there.

        Args:
            name: of the collection.
            create: False refuses to make one.
            settings: all settings; else they are loaded, with ``flags`` on top.
            encoder: a name or an encoder, instead of the one the settings name.
            model: instead of the generator the settings name.
            reranker: a name or a reranker, instead of the one the settings name.
            reasoner: a name or a chat model that plans, reads and verifies. With a ``model`` of your own and settings
                that leave the choice open, there is none. A named one is opened at the first question.
            strategy: a name, or a strategy of your own, instead of the one the settings name.
            **flags: single settings, such as ``home`` or ``budget``.

        Raises:
            CallerError: bad name or setting; no such collection and ``create`` is false.
            ModelMissing: the encoder was never fetched; the message has the command.
            EncoderMismatch: the collection was made with another encoder.
            CollectionBusy: it is open in another process.
        """
        chosen = settings or Settings.load(**flags)
        if encoder is None or isinstance(encoder, str):
            encoder = load_encoder(encoder or chosen.encoder)
        info = EncoderInfo(name=encoder.name, fingerprint=encoder.fingerprint, dim=encoder.dim)
        unsaid = model is not None and reasoner is None and chosen.reasoner == "auto"
        model = model or generator_of(chosen)
        opening = opener("none" if unsaid else reasoner or chosen.reasoner, chosen, model)
        collection = Collection.open(chosen.home, name, info, chosen.store, create=create)
        try:
            if reranker is None or isinstance(reranker, str):
                reranker = open_reranker(reranker or chosen.reranker, chosen, encoder, _look)
            if strategy is None or isinstance(strategy, str):
                strategy = open_strategy(strategy or chosen.strategy, collection.folder)
        except BaseException:
            collection.close()
            raise
        return cls(collection, encoder, model, reranker, chosen, strategy=strategy, reasoner=opening)

    # ---- filling

    def index(
        self,
        paths: Sequence[PathIn] | PathIn,
        *,
        prune: bool = False,
        progress: Callable[[IndexProgress], None] | None = None,
    ) -> IndexReport:
        """Index files and folders; only what is new or changed is read.

        Args:
            paths: one or several.
            prune: forget files below ``paths`` that are gone.
            progress: called after each durable step.
        """
        try:
            return self._indexer(decoders=self._settings.decoders, progress=progress).run(
                [Path(path).expanduser() for path in _listed(paths)], prune=prune
            )
        finally:
            # Both keep samples of the collection, which has just changed.
            self._searcher = Searcher(self._collection.store, self._encoder)
            self._senses = Senses(self._collection.store, self._encoder, self._settings)

    def remove(self, paths: Sequence[PathIn] | PathIn) -> int:
        """Forget files or whole folders, whether or not they still exist. Returns how many files."""
        return self._indexer().remove([Path(path).expanduser() for path in _listed(paths)])

    def _indexer(self, **choices: Any) -> Indexer:
        options, limits = self._settings.index, self._settings.limits
        return Indexer(self._collection, self._encoder, options=options, limits=limits, **choices)

    # ---- finding

    def search(
        self,
        text: str = "",
        *,
        images: Sequence[PathIn] | PathIn = (),
        exclude: str = "",
        filters: str = "",
        k: int = 10,
        diversity: float = 0.0,
        fold: bool = True,
    ) -> list[Result]:
        """Search across modalities.

        Args:
            text: words to look for.
            images: pictures to look like; with ``text``, both count (a composed query).
            exclude: what must not be in it.
            filters: ``kind:image path:holiday/ date:2024-05..2024-08``; see docs/stores.md.
            k: how many results.
            diversity: 0 to 1; more variety for less relevance.
            fold: show near-duplicates once.
        """
        query = SearchQuery(
            text=text,
            images=tuple(self._load(str(path)) for path in _listed(images)),
            exclude=exclude,
            where=parse(filters) if filters.strip() else None,
            k=k,
            diversity=diversity,
            fold=fold,
        )
        return self._searcher.search(query)

    def look(self, chunk: Chunk | Citation, *, max_px: int = 1024) -> Image:
        """What a chunk or citation points at, as a picture: the box, page or frame, rendered from the file."""
        return _look(chunk, max_px)

    # ---- asking

    def ask(
        self,
        question: str,
        *,
        images: Sequence[PathIn] | PathIn = (),
        options: Sequence[str] = (),
        filters: str = "",
        thread_id: str | None = None,
        progress: Callable[[Event], None] | None = None,
    ) -> Answer:
        """Answer a question with citations, or say that the collection does not hold the answer.

        Args:
            question: in plain words; options to choose from may stand in it ("... A. cat B. dog").
            images: pictures that belong to the question.
            options: to choose from; ``answer.choice`` is the place of the chosen one.
            filters: what to look at, as in :meth:`search`.
            thread_id: continues a conversation; None starts a new one (see ``answer.thread_id``).
            progress: called with each event of :meth:`stream`, in the agent's own thread.
        """
        return self._loop.run(self._answer(_asked(question, images, options, filters), thread_id, progress))

    async def aask(
        self,
        question: str,
        *,
        images: Sequence[PathIn] | PathIn = (),
        options: Sequence[str] = (),
        filters: str = "",
        thread_id: str | None = None,
    ) -> Answer:
        """:meth:`ask` for async code, from any event loop."""
        return await self._loop.arun(self._answer(_asked(question, images, options, filters), thread_id))

    async def stream(
        self,
        question: str,
        *,
        images: Sequence[PathIn] | PathIn = (),
        options: Sequence[str] = (),
        filters: str = "",
        thread_id: str | None = None,
    ) -> AsyncIterator[Event]:
        """The stages as they end, the draft as it is written, and last the checked answer."""
        events = self._events(_asked(question, images, options, filters), thread_id)
        try:
            async for event in self._loop.astream(events):
                yield event
        finally:
            await self._loop.arun(events.aclose())

    def verify(self, claim: str, *, images: Sequence[PathIn] | PathIn = (), filters: str = "") -> Verification:
        """Whether the collection carries a statement: entailed, contradicted, neutral or conflicting, with the places.

        Args:
            claim: a sentence that can be true.
            images: pictures that belong to it.
            filters: what to look at, as in :meth:`search`.
        """
        return self._loop.run(self._verify(claim, images, filters))

    async def averify(self, claim: str, *, images: Sequence[PathIn] | PathIn = (), filters: str = "") -> Verification:
        """:meth:`verify` for async code, from any event loop."""
        return await self._loop.arun(self._verify(claim, images, filters))

    # ---- the rest

    def info(self) -> dict[str, Any]:
        """Counts and facts of the collection."""
        return describe_collection(self._collection)

    @property
    def reranker(self) -> Reranker:
        """The second stage in force."""
        return self._reranker

    @cached_property
    def reasoner(self) -> ChatModel | None:
        """Plans, reads and verifies. Opened on first use: a search need not wait for an adapter to be checked."""
        return self._open_reasoner()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    def close(self) -> None:
        """Let go of the collection."""
        if self._opening is not None:
            self._loop.run(self._close_graph(self._opening))
            self._opening = None
        self._loop.close()
        self._collection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- inside

    async def _answer(
        self, asked: AgentState, thread_id: str | None, progress: Callable[[Event], None] | None = None
    ) -> Answer:
        async with aclosing(self._events(asked, thread_id)) as events:
            async for event in events:
                if progress is not None:
                    progress(event)
                if isinstance(event, Answered):
                    return event.answer
        raise AssertionError("the graph ended without an answer")

    async def _events(self, asked: AgentState, thread_id: str | None) -> AsyncGenerator[Event, None]:
        thread = thread_id or uuid.uuid4().hex
        channel: asyncio.Queue[Event | None] = asyncio.Queue()
        run = asyncio.create_task(self._run(asked, thread, channel))
        try:
            while (event := await channel.get()) is not None:
                yield event
            yield Answered(answer=record(await run, thread))
        finally:
            run.cancel()

    async def _run(self, asked: AgentState, thread: str, channel: "asyncio.Queue[Event | None]") -> AgentState:
        try:
            graph, deps = await self._compiled(), self.parts(channel.put_nowait)
            # "exit": one checkpoint a question (3 ms, not 12); a question cut off by a kill is asked again.
            state = await graph.ainvoke(asked, {"configurable": {"thread_id": thread}}, context=deps, durability="exit")
            return cast("AgentState", state)
        finally:
            channel.put_nowait(None)

    async def _verify(self, claim: str, images: Sequence[PathIn] | PathIn, filters: str) -> Verification:
        return await verify_in(self.parts(), claim, _listed(images), filters)

    def parts(self, emit: Callable[[Any], None] = lambda _: None) -> Deps:
        """What the agent's nodes work with: to measure a stage alone, or to run a strategy of your own.

        Args:
            emit: takes the events of :mod:`foveate.agent.events`.
        """
        return Deps(
            store=self._collection.store,
            encoder=self._encoder,
            searcher=self._searcher,
            reranker=self._reranker,
            model=self._model,
            reasoner=self.reasoner,
            strategy=self._strategy,
            planning=self._settings.planning,
            reading=self._settings.reading,
            budget=self._settings.budget,
            senses=self._senses,
            look=_look,
            load=self._load,
            emit=emit,
        )

    async def _compiled(self) -> _Graph:
        # Once an agent, not once a question. A question that is cancelled meanwhile
        # must not take the half-open checkpointer with it, and two questions must not open two.
        if self._opening is None:
            self._opening = asyncio.create_task(self._open_graph())
        return (await asyncio.shield(self._opening))[0]

    async def _open_graph(self) -> tuple[_Graph, AsyncSqliteSaver]:
        saver = await open_threads(self._collection.threads_path)
        return build_graph(saver), saver

    async def _close_graph(self, opening: "asyncio.Task[tuple[_Graph, AsyncSqliteSaver]]") -> None:
        await (await opening)[1].conn.close()

    def _load(self, path: str) -> Image:
        return crop(Path(path).expanduser(), Box(x0=0, y0=0, x1=1, y1=1), _LOOK_PX)


def _asked(question: str, images: Sequence[PathIn] | PathIn, options: Sequence[str], filters: str) -> AgentState:
    return checked(question, _listed(images), filters, options)


def _listed(given: Sequence[PathIn] | PathIn) -> list[str]:
    return [str(path) for path in ([given] if isinstance(given, str | PathLike) else given)]


def _look(chunk: Chunk | Citation, max_px: int = _LOOK_PX) -> Image:
    path = chunk.source if isinstance(chunk, Citation) else chunk.path
    return crop(Path(path), chunk.locator, max_px)
