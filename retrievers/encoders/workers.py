"""Batches side by side, a core each, instead of every core on one batch.

Small convolutions scale badly: at the end of each layer the threads of one batch wait for the slowest, spinning, and
whatever else wants a core (a decoder, while indexing) makes that one slower. EfficientNet-Lite0 does 86 pictures a
second on two cores that share a batch and 105 on two that do not, for the same vectors.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["Workers"]

Given = TypeVar("Given")
Made = TypeVar("Made")


class Workers:
    """As many single-threaded workers as torch has threads when first asked; they start then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def share(self, count: int, most: int) -> int:
        """How many of ``count`` items a worker takes at a time, at most ``most``, so that none idles."""
        return max(1, min(most, -(-count // max(1, torch.get_num_threads()))))

    def map(self, work: Callable[[Given], Made], parts: Sequence[Given]) -> list[Made]:
        """``work`` of each part, in order; a single part is done here, by all of torch's threads."""
        if len(parts) < 2 or torch.get_num_threads() < 2:
            return [work(part) for part in parts]
        return list(self._started().map(work, parts))

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                threads = torch.get_num_threads()
                self._pool = ThreadPoolExecutor(threads, thread_name_prefix="foveate-encoder")
                gate = threading.Barrier(threads)
                try:
                    # Each thread once: the barrier lets none take two turns.
                    list(self._pool.map(_alone, [gate] * threads))
                finally:
                    torch.set_num_threads(threads)  # what _alone set is each worker's own by now
            return self._pool


def _alone(gate: threading.Barrier) -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # a thread takes up the setting at its first look, later ones do not change it
    gate.wait()
