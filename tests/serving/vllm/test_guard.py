"""The key is asked for on every route."""

import asyncio
from typing import Any

import pytest

from foveate.serving.vllm.guard import Guard


def send_through(scope: dict[str, Any]) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the application was reached, and what was sent instead."""
    reached, sent = [], []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        reached.append(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Guard(application)(scope, receive, send))
    return bool(reached), sent


def http(path: str, *headers: tuple[bytes, bytes], kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "path": path, "method": "POST", "headers": list(headers)}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "right")


@pytest.mark.parametrize("path", ["/v1/models", "/adapters", "/invocations", "/tokenize", "/metrics", "/", "/healthy"])
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"authorization", b"Bearer wrong"),),
        ((b"authorization", b"Bearer "),),
        ((b"authorization", b"right"),),
        ((b"authorization", b"Basic right"),),
        ((b"authorization", b"Bearer rightx"),),
        ((b"authorization", b"Bearer right"), (b"authorization", b"Bearer wrong")),
    ],
)
def test_refused(path: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    reached, sent = send_through(http(path, *headers))
    assert not reached and sent[0]["status"] == 401
    assert int(dict(sent[0]["headers"])[b"content-length"]) == len(sent[1]["body"])


@pytest.mark.parametrize("header", [b"authorization", b"Authorization"])
@pytest.mark.parametrize("value", [b"Bearer right", b"bearer right"])
def test_passed(header: bytes, value: bytes) -> None:
    assert send_through(http("/v1/models", (header, value))) == (True, [])


def test_health_and_lifespan_are_free() -> None:
    assert send_through(http("/health"))[0]
    assert send_through({"type": "lifespan"})[0]


def test_websockets_are_closed() -> None:
    reached, sent = send_through(http("/v1/realtime", kind="websocket"))
    assert not reached and sent == [{"type": "websocket.close", "code": 1008}]
    assert send_through(http("/v1/realtime", (b"authorization", b"Bearer right"), kind="websocket"))[0]


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_key_nothing_passes(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("VLLM_API_KEY")
    if value is not None:
        monkeypatch.setenv("VLLM_API_KEY", value)
    for given in (b"Bearer ", b"Bearer", b"Bearer right"):
        assert not send_through(http("/v1/models", (b"authorization", given)))[0]


def test_it_runs_where_foveate_is_not_installed() -> None:
    from pathlib import Path

    from foveate.serving.vllm import guard

    assert "foveate." not in Path(guard.__file__).read_text(encoding="utf-8").split('"""', 2)[2]
