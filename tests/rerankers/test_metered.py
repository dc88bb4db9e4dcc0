import threading

from foveate.rerankers.metered import Metered
from foveate.usage import Usage


def test_threads_lose_nothing() -> None:
    meter = Metered()
    assert meter.usage == Usage()

    def spend() -> None:
        for _ in range(200):
            meter._spend(Usage(tokens_in=3, tokens_cached=1, seconds={"x": 0.5}))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.usage == Usage(tokens_in=4800, tokens_cached=1600, seconds={"x": 800.0})
