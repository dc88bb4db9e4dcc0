"""What the graph adds to a question: wall time beyond generator, encoder, reranker and store.

Every part is real but the model, which is scripted (its time would be subtracted anyway); the collection is the
shipped sample. Run: ``python -m benchmarks.agent [--quick]``.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import finish
from foveate import Agent
from foveate.records import Hit, Result
from foveate.rerankers.protocols import ImagePart, Message, Reply, Sampling
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.encoders.hashed import HashedEncoder

SAMPLE = Path(__file__).parent.parent / "examples" / "sample"
QUESTIONS = ("When does the museum open?", "How hot must the oven be for bread?", "Where do red kites nest?")
GOAL_MS = 15.0


class Clock:
    """Adds up the time spent below the graph."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._start = 0.0

    def wrap(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Time a call; calls within calls count once."""

        def timed(*args: Any, **keys: Any) -> Any:
            if self._depth == 0:
                self._start = time.perf_counter()
            self._depth += 1
            try:
                return work(*args, **keys)
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.seconds += time.perf_counter() - self._start

        return timed


class TimedChat(ScriptedChat):
    """A scripted model whose own time is subtracted."""

    clock: Clock

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[str | Reply]:
        """The reply's pieces, timed as a whole."""
        start = time.perf_counter()
        items = [item async for item in super().stream(messages, sampling)]
        self.clock.seconds += time.perf_counter() - start
        for item in items:
            yield item


def main() -> None:
    """Ask many times; print the median overhead."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    rounds = 30 if parser.parse_args().quick else 200
    clock = Clock()
    model = TimedChat(lambda _: "The museum opens at ten.")
    model.clock = clock
    with (
        tempfile.TemporaryDirectory() as home,
        Agent.open("bench", home=Path(home), encoder=HashedEncoder(), model=model) as agent,
    ):
        agent.index(SAMPLE / "documents")
        instrument(agent, clock)
        overheads = [measure(agent, clock, QUESTIONS[i % len(QUESTIONS)]) for i in range(rounds)]
    overheads = sorted(overheads[3:])  # the first ones open the checkpointer and warm caches
    finish(
        "agent",
        statistics.median(overheads),
        "ms beyond model and store, p50",
        goal=GOAL_MS,
        baseline=None,
        higher=False,
        p99=round(overheads[int(len(overheads) * 0.99)], 3),
        questions=len(overheads),
    )


def instrument(agent: Agent, clock: Clock) -> None:
    """Time what lies below the graph: search (encoder and store), store reads, encoder, reranker."""
    searcher, store, encoder, reranker = agent._searcher, agent._collection.store, agent._encoder, agent._reranker
    searcher.search = clock.wrap(searcher.search)  # type: ignore[method-assign]
    store.get = clock.wrap(store.get)  # type: ignore[method-assign]
    encoder.encode_text = clock.wrap(encoder.encode_text)  # type: ignore[method-assign]
    rerank = reranker.rerank

    async def timed(question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        # Encoding within it is not counted twice: the clock is set, not added to.
        before, start = clock.seconds, time.perf_counter()
        hits = await rerank(question, results, images=images)
        clock.seconds = before + time.perf_counter() - start
        return hits

    reranker.rerank = timed  # type: ignore[method-assign]


def measure(agent: Agent, clock: Clock, question: str) -> float:
    """Milliseconds of one question that were spent in the graph itself."""
    clock.seconds = 0.0
    start = time.perf_counter()
    asyncio.run(agent.aask(question))
    return (time.perf_counter() - start - clock.seconds) * 1000


if __name__ == "__main__":
    main()
