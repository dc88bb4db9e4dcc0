"""One decoder process, as its parent sees it."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict

from foveate.errors import MediaError, ServiceError
from foveate.media import wire
from foveate.media.pieces import Limits, ReadOptions

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Decoder"]

_PIPE_BYTES = 1 << 20

_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from foveate.media.child import main; main()"
_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All a decoder sees of the environment: what the loader needs. No key, no token, no home."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Decoder:
    """Starts the process when needed, again when it died."""

    def __init__(self, limits: Limits, options: ReadOptions, folder: str) -> None:
        self._limits = limits
        self._options = options
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._overrun = False
        self._ended = False

    def ensure(self) -> None:
        """Start the process unless it runs.

        Raises:
            ServiceError: it does not start.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self.reset()  # one that died in idleness must not be blamed on the next file
        with self._lock:
            if self._ended:
                raise ServiceError("the decoder pool was closed while a file was read")
            self._overrun = False
            self._process = process = self._spawn()
        setup = {"limits": asdict(self._limits), "options": asdict(self._options)}
        try:
            assert process.stdin is not None and process.stdout is not None
            _widen(process.stdout.fileno())
            wire.write_frame(process.stdin, setup)  # type: ignore[arg-type]
            wire.read_frame(process.stdout)  # type: ignore[arg-type]
        except (OSError, wire.Malformed):
            code = self.reset()
            raise ServiceError(
                f"a decoder process does not start (exit {code}); try: {sys.executable} -m foveate doctor"
            ) from None

    def ask(self, request: wire.Message) -> tuple[wire.Message, bytearray]:
        """Send a request and wait for its answer.

        Raises:
            MediaError: ``media_broken`` when the process died over it, or was ended.
        """
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            wire.write_frame(process.stdin, request)  # type: ignore[arg-type]
            return wire.read_frame(process.stdout)  # type: ignore[arg-type]
        except (OSError, ValueError, wire.Malformed):
            raise MediaError(self._epitaph(self.reset())) from None

    def kill(self, *, overrun: bool = False) -> None:
        """End the process now. Any thread may call this; without ``overrun`` it is not started again."""
        with self._lock:
            self._overrun = self._overrun or overrun
            self._ended = self._ended or not overrun
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and its pipes. Only the thread that asks may call this."""
        self.kill()
        self.reset()

    def _spawn(self) -> subprocess.Popen[bytes]:
        paths = [os.path.abspath(path) for path in sys.path]
        keep = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            return subprocess.Popen(
                # -I: no PYTHON* variable and no user's site; -B: nothing is written.
                [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT, json.dumps(paths)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                env=keep | _ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for the parent; it ends its children itself
            )
        except OSError as error:
            raise ServiceError(f"a decoder process cannot be started: {error.strerror}") from None

    def reset(self) -> int:
        """End the process so that a new one is started when needed. Returns how it ended."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not sent yet cannot be flushed
                    continue
        return process.wait()

    def _epitaph(self, code: int) -> str:
        if self._overrun or code == -getattr(signal, "SIGXCPU", 0):
            return f"the decoder took longer than {self._limits.task_s:.0f} s and was ended"
        return f"the decoder died over it ({_signal_name(code)})"


def _widen(pipe: int) -> None:
    """A pipe holds 64 KiB by default: one picture would take a dozen changes between the processes."""
    size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if size is not None:
        with suppress(OSError):  # more than the user's pipes may hold in all
            fcntl.fcntl(pipe, size, _PIPE_BYTES)


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit {code}"
