import asyncio
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import ServiceError
from foveate.rerankers.together import together


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_results_keep_their_places_and_the_limit_holds(waits: list[int], limit: int) -> None:
    under_way, most = 0, 0

    async def job(at: int, wait: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(wait):
            await asyncio.sleep(0)
        under_way -= 1
        return at

    jobs = [partial(job, at, wait) for at, wait in enumerate(waits)]
    assert asyncio.run(together(jobs, limit)) == list(range(len(waits)))
    assert most <= limit


def test_the_first_fault_is_raised_as_it_is_and_nothing_goes_on() -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def job(at: int) -> None:
        begun.append(at)
        if at == 1:
            raise ServiceError("down")
        await asyncio.sleep(30)
        ended.append(at)

    async def run() -> None:
        with pytest.raises(ServiceError, match="down"):
            await together([partial(job, at) for at in range(9)], 3)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())
    assert begun[:2] == [0, 1] and len(begun) <= 4 and not ended


def test_cancelling_cancels_all() -> None:
    stopped: list[int] = []

    async def job(at: int) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append(at)

    async def run() -> None:
        task = asyncio.ensure_future(together([partial(job, at) for at in range(3)], 3))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert sorted(stopped) == [0, 1, 2]
