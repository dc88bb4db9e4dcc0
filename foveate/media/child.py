"""The decoder process: probes, reads and renders what it is told, under limits, until its input ends."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from foveate.errors import FoveateError, MediaError
from foveate.locators import from_dict
from foveate.media import wire
from foveate.media.pieces import Limits, Pixels, ReadOptions
from foveate.media.probe import broken, probe
from foveate.media.read import read

try:
    import resource
except ImportError:  # Windows has none: the parent's clock is the only limit there
    resource = None  # type: ignore[assignment]

__all__ = ["main"]

Answer = tuple[wire.Message, list[Pixels]]

_OPEN_FILES = 64


def main() -> None:
    """Serve requests from standard input on standard output."""
    requests, answers = sys.stdin.buffer, _private_output()
    setup, _ = wire.read_frame(requests)
    limits, options = Limits(**setup["limits"]), ReadOptions(**setup["options"])
    _confine(limits)
    wire.write_frame(answers, {"ready": True})
    while True:
        try:
            message, _ = wire.read_frame(requests)
        except wire.Malformed:  # the parent is gone, perhaps killed, and cannot clear away the folder
            with suppress(OSError):
                os.rmdir(os.getcwd())
            return
        _allow_seconds(limits.task_s)
        body, blobs = _answer(message, limits, options)
        wire.write_frame(answers, body, blobs)


def _answer(message: wire.Message, limits: Limits, options: ReadOptions) -> Answer:
    try:
        return _TASKS[message["op"]](message, limits, options)
    except MediaError as error:
        return {"media_error": [str(error), error.code]}, []
    except FoveateError as error:
        return {"caller_error": str(error)}, []
    except Exception as error:
        return _answer_broken(error)


def _answer_broken(error: Exception) -> Answer:
    fault = broken(error)
    return {"media_error": [str(fault), getattr(fault, "code", "media_broken")]}, []


def _probe(message: wire.Message, limits: Limits, options: ReadOptions) -> Answer:
    return {"probe": wire.probe_to(probe(wire.source_from(message["source"]), limits, options))}, []


def _read(message: wire.Message, limits: Limits, options: ReadOptions) -> Answer:
    reading = read(wire.source_from(message["source"]), message["part"], limits, options)
    body, blobs = wire.reading_to(reading)
    return {"reading": body}, blobs


def _render(message: wire.Message, limits: Limits, options: ReadOptions) -> Answer:
    from foveate.media.rendering import pixels_at  # late: only citations need it

    source, locator = wire.source_from(message["source"]), from_dict(message["locator"])
    pixels = pixels_at(source, locator, message["max_px"], limits, options)
    return {"shape": list(pixels.shape)}, [pixels]


_TASKS: dict[str, Callable[[wire.Message, Limits, ReadOptions], Answer]] = {
    "probe": _probe,
    "read": _read,
    "render": _render,
}


def _private_output() -> BinaryIO:
    """The answers' pipe under a number of its own: what libraries print must not get between the frames."""
    private = os.dup(sys.stdout.fileno())
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, sys.stdout.fileno())
    os.close(silence)
    return os.fdopen(private, "wb")


def _confine(limits: Limits) -> None:
    """No more memory than allowed, no file written, no core dump, no crowd of open files."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = limits.pixels
    if resource is None:
        return
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        try:
            _, hard = resource.getrlimit(kind)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):  # macOS refuses RLIMIT_AS
            continue


def _allow_seconds(task_s: float) -> None:
    """Processor time from now on. The soft limit moves with each task; overrunning it ends the process."""
    if resource is None:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime + task_s) + 1, hard))
