"""Asks for the key on every route but ``/health``. Runs inside vLLM, hence the standard library alone.

vLLM's own check covers paths below ``/v1`` and a few more: ``/invocations``, ``/tokenize`` and ``/adapters`` (which
loads an adapter from any folder) answered without a key in 0.32.0.
"""

import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Guard"]

Send = Callable[[dict[str, Any]], Awaitable[None]]
_FREE = "/health"


class Guard:
    """ASGI middleware; the key is ``VLLM_API_KEY``, and without one nothing passes."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._wanted = _digest(os.environ.get("VLLM_API_KEY", "").encode())
        self._closed = not os.environ.get("VLLM_API_KEY")

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Pass on what carries the key; refuse the rest with 401."""
        if scope["type"] == "lifespan" or scope.get("path") == _FREE or self._holds_key(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _holds_key(self, scope: dict[str, Any]) -> bool:
        values = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        given = values[0] if len(values) == 1 else b""
        kind, _, key = given.partition(b" ")
        # Digests: equal lengths whatever was sent.
        return not self._closed and kind.lower() == b"bearer" and hmac.compare_digest(_digest(key), self._wanted)


async def _refuse(send: Send) -> None:
    body = b'{"error": {"message": "no valid key", "type": "unauthorized", "code": 401}}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
