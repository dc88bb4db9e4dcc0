"""Several calls at once, within a limit; the first fault ends the others and is raised as it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

__all__ = ["together"]

T = TypeVar("T")


async def together(jobs: Sequence[Callable[[], Awaitable[T]]], limit: int) -> list[T]:
    """Results in the order of the jobs, at most ``limit`` of them under way.

    A ``TaskGroup`` would wrap a typed error in a group, which callers do not catch.
    """
    turns = asyncio.Semaphore(limit)

    async def one(job: Callable[[], Awaitable[T]]) -> T:
        async with turns:
            return await job()

    tasks = [asyncio.ensure_future(one(job)) for job in jobs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
