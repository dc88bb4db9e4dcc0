"""Processes told apart by more than their number, which the system gives to others once it is free.

A process is known by its number, the boot, and its start in clock ticks since then (``/proc/PID/stat``, proc(5)).
"""

import os
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import CallerError

__all__ = ["Process", "alive", "end", "find", "group", "listeners", "loopback", "require_proc"]

_PROC = Path("/proc")
_LISTEN = "0A"
_AFTER_S = 1.0
_LOOPBACK = ("127.", "::1", "::ffff:127.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process, never mistaken for a later one of the same number."""

    pid: int
    birth: str
    """Boot and start in clock ticks, ``BOOT:TICKS``."""


def require_proc() -> None:
    """Raise where processes cannot be told apart.

    Raises:
        CallerError: no ``/proc``, that is, no Linux.
    """
    if not (_PROC / "self" / "stat").exists():
        raise CallerError("servers are started on Linux only; attach to one with: foveate vllm attach URL")


def find(pid: int) -> Process | None:
    """The process that has this number now; None if there is none or it only waits to be collected."""
    fields = _stat(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Process(pid=pid, birth=f"{boot}:{fields[19]}")


def alive(process: Process) -> bool:
    """Whether it still runs."""
    return find(process.pid) == process


def group(leader: Process) -> tuple[Process, ...]:
    """All that run in the session ``leader`` began, itself included; only while it is alive."""
    if not alive(leader):
        return ()
    found = (find(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return tuple(process for process in found if process is not None and _session(process.pid) == leader.pid)


def end(leader: Process, others: Iterable[Process], *, grace_s: float = 20.0) -> int:
    """Ask ``leader`` to stop, then kill what is left of it and ``others``; nothing else is ever touched.

    Returns:
        How many had to be killed.
    """
    members = {leader, *others, *group(leader)}
    _signal(leader, signal.SIGTERM)
    _wait({leader}, grace_s)
    # vLLM ends its engine before itself; what outlives it was not told.
    left = _wait(members, min(grace_s, _AFTER_S))
    for process in left:
        _signal(process, signal.SIGKILL)
    _wait(set(left), 5.0)
    return len(left)


def listeners(processes: Iterable[Process]) -> list[tuple[str, int]]:
    """Addresses and ports on which they take TCP connections, sorted."""
    sockets = {inode for process in processes for inode in _inodes(process.pid)}
    rows = [row.split() for name in ("tcp", "tcp6") for row in _lines(_PROC / "net" / name)[1:]]
    return sorted(_address(row[1]) for row in rows if row[3] == _LISTEN and row[9] in sockets)


def loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    return address.startswith(_LOOPBACK)


def _signal(process: Process, number: signal.Signals) -> None:
    if alive(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def _wait(processes: set[Process], seconds: float) -> list[Process]:
    """Those that still run when the time is over."""
    until = time.monotonic() + seconds
    while (left := [process for process in processes if alive(process)]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


def _stat(pid: int) -> list[str] | None:
    """Fields of ``/proc/PID/stat`` from the state on; the name before them may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return text.rpartition(")")[2].split()


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[3])


def _inodes(pid: int) -> list[str]:
    try:
        names = [os.readlink(entry) for entry in os.scandir(_PROC / str(pid) / "fd")]
    except OSError:
        return []
    return [name[8:-1] for name in names if name.startswith("socket:[")]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []


def _address(text: str) -> tuple[str, int]:
    """``0100007F:1F90`` -> (``127.0.0.1``, 8080); each group of four bytes is in the machine's order."""
    host, _, port = text.partition(":")
    raw = bytes.fromhex(host)
    ordered = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, ordered), int(port, 16)
