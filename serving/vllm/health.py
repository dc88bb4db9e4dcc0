"""Asking a vLLM server how it is, and waiting until it answers."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from foveate.errors import CallerError, ConfigError, ServiceError
from foveate.serving.vllm.processes import Process, alive, group, listeners, loopback
from foveate.serving.vllm.state import Server

__all__ = ["Waiting", "ask", "healthy", "served", "tail", "wait_ready"]

Waiting = Callable[[float, str], None]
"""Called with (seconds since the start, the last line of the log)."""
_TAIL_BYTES = 1 << 16
_PAUSE_S = 0.5
_PING_S = 5.0


def ask(server: Server, method: str, path: str, body: Any = None, *, timeout_s: float = 30.0) -> httpx.Response:
    """One request with the server's key: no redirects, no proxies or keys of the environment.

    Raises:
        ConfigError: the key is refused.
        CallerError: the server refuses the request (other 4xx), with its words.
        ServiceError: unreachable, or it fails (3xx, 5xx).
    """
    headers = {"authorization": f"Bearer {server.key}"} if server.key else {}
    try:
        with httpx.Client(trust_env=False, follow_redirects=False, timeout=timeout_s) as client:
            found = client.request(method, server.url + path, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise ServiceError(f"server {server.name!r} at {server.url!r} does not answer: {error}") from None
    if found.is_success:
        return found
    said = "".join(sign if sign.isprintable() else " " for sign in found.text)[:300]
    if found.status_code in (401, 403):
        raise ConfigError(f"server {server.name!r} at {server.url!r} refuses the key ({found.status_code})")
    kind = CallerError if 400 <= found.status_code < 500 else ServiceError
    raise kind(f"server {server.name!r} at {server.url!r} answers {path!r} with {found.status_code}: {said}")


def healthy(server: Server) -> bool:
    """Whether it answers; the key is not sent."""
    try:
        with httpx.Client(trust_env=False, follow_redirects=False, timeout=_PING_S) as client:
            return client.get(f"{server.url}/health").is_success
    except httpx.HTTPError:
        return False


def served(server: Server) -> list[str]:
    """Names of models and adapters that it has, in its order.

    Raises:
        ConfigError, ServiceError: as :func:`ask`; also when the answer is none.
    """
    found = ask(server, "GET", "/v1/models")
    try:
        return [str(item["id"]) for item in found.json()["data"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"server {server.name!r} at {server.url!r} lists no models: {error!r:.100}") from None


def tail(file: Path, lines: int) -> list[str]:
    """The last ``lines`` lines of a log; [] if there is none."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, 2) - _TAIL_BYTES))
            return opened.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def wait_ready(server: Server, log: Path, tell: Waiting, *, timeout_s: float) -> tuple[Process, ...]:
    """Wait until a server that was just started answers with its model.

    Returns:
        The other processes of its session.

    Raises:
        ServiceError: it died (with the last lines of its log), took too long, somebody else answers in its place,
            or it listens where other machines reach it.
    """
    leader = server.process
    assert leader is not None
    began, port = time.monotonic(), int(server.url.rpartition(":")[2])
    seen: set[Process] = set()
    while True:
        seen |= set(group(leader))
        if not alive(leader):
            raise Unready(f"server {server.name!r} ended while starting; {_last_words(log)}", tuple(seen))
        if healthy(server) and port in (port for _, port in listeners(group(leader))):
            break
        waited = time.monotonic() - began
        if waited > timeout_s:
            raise Unready(f"server {server.name!r} is not ready after {waited:.0f} s; {_last_words(log)}", tuple(seen))
        tell(waited, (tail(log, 1) or [""])[0])
        time.sleep(_PAUSE_S)
    open_to_all = [place for place in listeners(group(leader)) if not loopback(place[0])]
    if open_to_all:
        raise Unready(f"server {server.name!r} listens to other machines on {open_to_all}: refused", tuple(seen))
    if server.model not in served(server):
        raise Unready(f"server {server.name!r} does not list {server.model!r}", tuple(seen))
    return tuple(sorted(set(group(leader)) - {leader}, key=lambda process: process.pid))


class Unready(ServiceError):
    """A server that did not come up."""

    def __init__(self, reason: str, seen: tuple[Process, ...]) -> None:
        super().__init__(reason)
        self.seen = seen
        """Processes of its session so far, some of which may still run."""


def _last_words(log: Path) -> str:
    words = [line for line in tail(log, 400) if "error" in line.lower()][-3:] or tail(log, 5)
    return f"its log {str(log)!r} ends: {' | '.join(line.strip()[-200:] for line in words) or 'empty'}"
