"""A model in a thread of its own: loaded at the first call, one call after another, stopped when nobody waits."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["Worker"]

M = TypeVar("M")
T = TypeVar("T")


class Worker(Generic[M]):
    """Keeps the event loop free and the model to one call at a time."""

    def __init__(self, load: Callable[[], M], name: str) -> None:
        """Remember how to load; nothing happens yet.

        Args:
            load: makes the model; called in the thread, at the first call.
            name: of the thread.
        """
        self._load = load
        self._model: M | None = None
        # One thread for all calls is the lock, too; and torch builds its own pool of threads for each caller.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    def model(self) -> M:
        """The model, loaded now if it is not."""
        if self._model is None:
            self._model = self._load()
        return self._model

    async def run(self, job: Callable[[M, Callable[[], bool]], T]) -> T:
        """What ``job`` returns.

        Args:
            job: gets the model, and a function that tells whether the caller was cancelled meanwhile.
        """
        halt = threading.Event()
        future = self._thread.submit(lambda: job(self.model(), halt.is_set))
        try:
            return await asyncio.wrap_future(future)
        finally:
            # Only a cancelled call is still running here; it sees the flag before its next step.
            halt.set()

    def close(self) -> None:
        """Wait for the running call, drop those that wait, free the model."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._model = None
