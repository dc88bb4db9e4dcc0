"""One process at a time: a lock file that the kernel frees when its holder dies."""

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType

from foveate.errors import CollectionBusy, ServiceError

__all__ = ["ProcessLock"]


class ProcessLock:
    """Holds ``directory/name`` with flock from ``acquire`` to ``release``, or over a ``with`` block.

    The file stays behind and holds the pid of its last holder; only the kernel's lock on it counts, so a
    process that was killed blocks nobody. It is never removed: between a removal and the next creation two
    processes could each lock a file of their own. A forked child shares its parent's lock until both are
    gone.
    """

    def __init__(self, directory: Path, name: str = "lock") -> None:
        self._path = directory / name
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock, or say who has it; taking it twice through one object is fine.

        Raises:
            CollectionBusy: another process, or another store of this one, holds it.
            ServiceError: the directory cannot be written.
        """
        if self._handle is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ServiceError(f"cannot write the lock file {str(self._path)!r}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        except OSError as error:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise CollectionBusy(
                    f"{str(self._path.parent)!r} is open in the process {holder}; close it there first"
                ) from None
            raise ServiceError(f"cannot lock {str(self._path)!r}: {error.strerror}") from error
        self._handle = handle

    def release(self) -> None:
        """Let go; letting go twice is fine."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> "ProcessLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
