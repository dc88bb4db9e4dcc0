"""One event loop in one background thread: the async core runs there, sync callers wait for it."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["Loop"]

T = TypeVar("T")


class Loop:
    """Starts on first use. Checkpointers and HTTP clients are bound to the loop that made them, hence just one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end from sync code; Ctrl-C cancels the work."""
        future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end from any other loop; cancelling the caller cancels the work."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._running()))

    async def astream(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """Items of a generator that runs in the loop, for a caller in another."""
        while True:
            more, item = await self.arun(_next(items))
            if not more:
                return
            yield item  # type: ignore[misc]  # item is a T whenever more is true

    def stream(self, items: AsyncIterator[T]) -> Iterator[T]:
        """The same for sync code."""
        while True:
            more, item = self.run(_next(items))
            if not more:
                return
            yield item  # type: ignore[misc]

    def close(self) -> None:
        """Stop the loop and join its thread."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                ready: queue.SimpleQueue[asyncio.AbstractEventLoop] = queue.SimpleQueue()
                self._thread = threading.Thread(target=_serve, args=(ready,), name="foveate-agent", daemon=True)
                self._thread.start()
                self._loop = ready.get()
            return self._loop


def _serve(ready: "queue.SimpleQueue[asyncio.AbstractEventLoop]") -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.call_soon(ready.put, loop)
    loop.run_forever()


async def _next(items: AsyncIterator[T]) -> tuple[bool, T | None]:
    try:
        return True, await anext(items)
    except StopAsyncIteration:
        return False, None
