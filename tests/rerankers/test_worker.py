import asyncio
import threading
import time

import pytest

from foveate.rerankers.worker import Worker


def test_loads_once_in_its_own_thread_and_runs_one_call_at_a_time() -> None:
    loads: list[str] = []
    running = 0

    def load() -> str:
        loads.append(threading.current_thread().name)
        return "model"

    def job(model: str, halted: object) -> str:
        nonlocal running
        running += 1
        time.sleep(0.01)
        assert running == 1
        running -= 1
        return model

    async def go() -> list[str]:
        return await asyncio.gather(*(worker.run(job) for _ in range(5)))

    worker = Worker(load, "one")
    assert not worker.loaded
    assert asyncio.run(go()) == ["model"] * 5
    assert worker.loaded and len(loads) == 1 and loads[0].startswith("one")
    worker.close()
    assert not worker.loaded


def test_who_was_cancelled_is_told() -> None:
    worker = Worker(lambda: None, "one")
    begun, ended = threading.Event(), threading.Event()

    def job(model: None, halted: object) -> None:
        begun.set()
        while not halted():  # type: ignore[operator]
            time.sleep(0.005)
        ended.set()

    async def go() -> None:
        task = asyncio.ensure_future(worker.run(job))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert ended.wait(5)
    worker.close()


def test_a_load_that_fails_is_tried_again() -> None:
    results = iter([OSError("disk"), 7])

    def load() -> int:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return int(result)

    worker = Worker(load, "one")
    with pytest.raises(OSError, match="disk"):
        asyncio.run(worker.run(lambda model, halted: model))
    assert asyncio.run(worker.run(lambda model, halted: model)) == 7
    worker.close()
