"""Decoder processes: hostile bytes are parsed there, under limits, and a crash costs one file.

The processes are plain children running ``foveate.media.child``, started on first use and kept across files. They
are not made by ``multiprocessing``: that would run a caller's unguarded script a second time, and fork with torch's
threads alive. Pixels cross as raw bytes over a pipe.
"""

import importlib.util
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from foveate.errors import CallerError, ExtraMissing, MediaError, ServiceError
from foveate.locators import Locator, to_dict
from foveate.media import wire
from foveate.media.formats import kind_of
from foveate.media.pieces import Limits, Pixels, Probe, Reading, ReadOptions, Source
from foveate.media.probe import probe
from foveate.media.process import Decoder
from foveate.media.read import read

__all__ = ["DecoderPool", "Job"]

Job = tuple[Source, Probe, int]
"""A file, its probe, and which part to read."""
Item = TypeVar("Item")
Out = TypeVar("Out")
Given = ParamSpec("Given")

_AHEAD = 64
"""Readings ahead of the consumer at most: a batch of the encoder, decoded while the last one is encoded."""
_AHEAD_BYTES = 128 << 20
_PROBES_AHEAD = 64
"""As many: with 8, each batch waited for probes that stood behind half-done reads, 0.4 to 2 ms a picture."""
_WATCH_S = 0.2
_WALL_FACTOR = 3.0
"""Seconds on the clock per processor second allowed: a decoder may also wait for a slow disk."""


@dataclass(slots=True, eq=False)
class _Task(Generic[Out]):
    request: wire.Message
    understand: Callable[[wire.Message, bytearray], Out]
    cost: int
    """Bytes the answer is thought to hold; what it holds, once it is here."""
    answer: Out | MediaError | CallerError | None = None
    done: bool = False
    cancelled: bool = False


class DecoderPool:
    """Probes and reads files in child processes, in order, a bounded way ahead.

    Both streams may run nested: the jobs of :meth:`read_all` may come from :meth:`probe_all` of the same pool.
    """

    def __init__(self, limits: Limits, options: ReadOptions, *, workers: int = 1) -> None:
        """Prepare; nothing is started before the first file.

        Args:
            limits: checked in the children, which are also held to its memory and seconds.
            options: how to cut.
            workers: child processes. 0 decodes in this very process: for tests and debugging only.

        Raises:
            CallerError: ``workers`` under 0.
            ExtraMissing: ``options.ocr`` without the OCR package.
        """
        if workers < 0:
            raise CallerError(f"workers {workers!r} must be 0 or more")
        if options.ocr and importlib.util.find_spec("rapidocr") is None:
            raise ExtraMissing("rapidocr", "ocr")
        self._limits = limits
        self._options = options
        self._workers = workers
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._done = threading.Condition(self._lock)
        # Probes go first: reading ahead waits for them, and they are short.
        self._probes: deque[_Task[Any]] = deque()
        self._reads: deque[_Task[Any]] = deque()
        self._threads: list[_Worker] = []
        self._folder: str | None = None
        self._closed = False
        self._failure: ServiceError | None = None

    def __enter__(self) -> "DecoderPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the processes before there is a file: their imports take 0.2 s."""
        with self._lock:
            while len(self._threads) < self._workers and not self._closed:
                self._start_worker()

    def probe_all(self, sources: Iterable[Source]) -> Iterator[tuple[Source, Probe | MediaError]]:
        """Probe files, in the order given.

        Raises:
            ServiceError: decoder processes cannot be started.
        """
        if self._workers == 0:
            for source in sources:
                yield source, _tried(probe, source, self._limits, self._options)
            return
        yield from self._ordered(sources, self._probe_task, _PROBES_AHEAD * self._workers)

    def read_all(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Reading | MediaError]]:
        """Read parts of files, in the order given.

        Raises:
            ServiceError: decoder processes cannot be started.
        """
        if self._workers == 0:
            for job in jobs:
                yield job, _tried(read, job[0], job[2], self._limits, self._options)
            return
        yield from self._ordered(jobs, self._read_task, _AHEAD * self._workers)

    def render(self, source: Source, locator: Locator, max_px: int) -> Pixels:
        """The picture of a place in a file; see :func:`foveate.media.render.crop`.

        Raises:
            MediaError: the file cannot be read.
        """
        if self._workers == 0:
            from foveate.media.rendering import pixels_at

            return pixels_at(source, locator, max_px, self._limits, self._options)
        request = {"op": "render", "source": wire.source_to(source), "locator": to_dict(locator), "max_px": max_px}
        task: _Task[Pixels] = self._submit(_Task(request, _pixels_from, max_px * max_px * 3), self._probes)
        answer = self._wait(task)
        if isinstance(answer, MediaError):
            raise answer
        return answer

    def close(self) -> None:
        """End the processes, at once; what they were reading is lost."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
        for worker in self._threads:
            worker.decoder.kill()
        for worker in self._threads:
            worker.join()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # ---- streams

    def _ordered(
        self, items: Iterable[Item], task_of: Callable[[Item], _Task[Out]], ahead: int
    ) -> Iterator[tuple[Item, Out | MediaError]]:
        rest = iter(items)
        pending: deque[tuple[Item, _Task[Out]]] = deque()
        more = True
        try:
            while more or pending:
                while more and _has_room(pending, ahead):
                    try:
                        item = next(rest)
                    except StopIteration:
                        more = False
                    else:
                        pending.append((item, task_of(item)))
                if pending:
                    item, head = pending.popleft()
                    answer: Out | MediaError = self._wait(head)
                    yield item, answer
        finally:
            for _, task in pending:
                task.cancelled = True

    def _probe_task(self, source: Source) -> _Task[Probe]:
        request = {"op": "probe", "source": wire.source_to(source)}
        return self._submit(_Task(request, lambda body, _: wire.probe_from(body["probe"]), 4096), self._probes)

    def _read_task(self, job: Job) -> _Task[Reading]:
        source, known, part = job
        request = {"op": "read", "source": wire.source_to(source), "part": part}
        cost = _guess_bytes(known, self._options)
        return self._submit(
            _Task(request, lambda body, blob: wire.reading_from(body["reading"], blob), cost), self._reads
        )

    def _submit(self, task: _Task[Out], queue: deque[_Task[Any]]) -> _Task[Out]:
        with self._lock:
            if self._closed:
                raise ServiceError("the decoder pool is closed")
            queue.append(task)
            if len(self._threads) < self._workers:
                self._start_worker()
            self._work.notify()
        return task

    def _start_worker(self) -> None:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="foveate-decoder-")
        worker = _Worker(self, Decoder(self._limits, self._options, self._folder))
        self._threads.append(worker)
        worker.start()

    def _wait(self, task: _Task[Out]) -> Out | MediaError:
        with self._lock:
            while not task.done:
                if self._failure is not None:
                    raise self._failure
                if self._closed:
                    raise ServiceError("the decoder pool was closed while a file was read")
                self._done.wait(_WATCH_S)
                self._end_overrun()
        if isinstance(task.answer, CallerError):
            raise task.answer
        assert task.answer is not None
        return task.answer

    def _end_overrun(self) -> None:
        now = time.monotonic()
        for worker in self._threads:
            if worker.since is not None and now - worker.since > self._limits.task_s * _WALL_FACTOR:
                worker.decoder.kill(overrun=True)

    # ---- called by the workers

    def take(self) -> _Task[Any] | None:
        """The next task; None when the pool closes."""
        with self._lock:
            while not self._closed:
                for queue in (self._probes, self._reads):
                    while queue:
                        task = queue.popleft()
                        if not task.cancelled:
                            return task
                self._work.wait()
        return None

    def finish(self, task: _Task[Any], answer: Any) -> None:
        """Hand back a task's answer."""
        with self._lock:
            if isinstance(answer, ServiceError):
                self._failure = answer
            else:
                task.answer, task.done = answer, True
            self._done.notify_all()


class _Worker(threading.Thread):
    """Speaks with one decoder process."""

    def __init__(self, pool: DecoderPool, decoder: Decoder) -> None:
        super().__init__(name="foveate-decoder", daemon=True)
        self._pool = pool
        self.decoder = decoder
        self.since: float | None = None

    def run(self) -> None:
        with suppress(ServiceError):  # the first task tries again, and says so
            self.decoder.ensure()
        while (task := self._pool.take()) is not None:
            self._pool.finish(task, self._answer(task))
        self.decoder.close()

    def _answer(self, task: _Task[Any]) -> object:
        try:
            self.decoder.ensure()
            self.since = time.monotonic()
            body, blob = self.decoder.ask(task.request)
            if "media_error" in body:
                return MediaError(str(body["media_error"][0]), code=str(body["media_error"][1]))
            if "caller_error" in body:
                return CallerError(str(body["caller_error"]))
            task.cost = len(blob) + 1024
            return task.understand(body, blob)
        except (MediaError, ServiceError) as error:
            return error
        except Exception:  # nothing a child says may end the thread that reads it
            self.decoder.reset()
            return MediaError("the decoder answered nonsense")
        finally:
            self.since = None


def _tried(action: Callable[Given, Out], *given: Given.args, **named: Given.kwargs) -> Out | MediaError:
    try:
        return action(*given, **named)
    except MediaError as error:
        return error


def _has_room(pending: "deque[tuple[Item, _Task[Out]]]", ahead: int) -> bool:
    return len(pending) < ahead and sum(task.cost for _, task in pending) < _AHEAD_BYTES


def _guess_bytes(known: Probe, options: ReadOptions) -> int:
    """What a reading may hold: one picture, or with its tiles; eight pages; half a film stretch's frames."""
    picture = options.picture_px * options.picture_px * 3
    if kind_of(known.media.format) == "film":
        return 30 * picture
    if known.media.format == "pdf":
        return 8 * picture
    if known.media.kind == "image":
        return picture * (13 if known.media.size_bytes > 1 << 20 else 1)
    return 3 * known.media.size_bytes


def _pixels_from(body: wire.Message, blob: bytearray) -> Pixels:
    height, width, depth = (int(side) for side in body["shape"])
    return np.frombuffer(blob, np.uint8).reshape(height, width, depth)
