"""A small server on 127.0.0.1 that speaks the OpenAI wire format, and misbehaves when told to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = "The sea is wide and grey , the ships are few and slow today".split(" ")


@dataclass
class Fault:
    """One answer that is not a good one."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: bool = False
    """Send the headers, part of the body, and hang up."""


@dataclass
class Wire:
    """What came in, and what goes wrong next."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    alter: Callable[[dict[str, Any]], Any] = lambda reply: reply
    respond: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = lambda request, reply: reply
    """Whole replies that depend on the request; called in the thread of the connection."""


def answer(request: dict[str, Any]) -> tuple[list[str], str]:
    """Tokens of the reply, and how it ended."""
    text = "".join(token if not at else f" {token}" for at, token in enumerate(WORDS))
    cut = min((text.find(stop) for stop in request.get("stop", []) if stop in text), default=len(text))
    pieces, at = [], 0
    for piece in [WORDS[0], *(f" {word}" for word in WORDS[1:])]:
        if at < cut:
            pieces.append(piece[: cut - at])
        at += len(piece)
    limit = request.get("max_tokens", request.get("max_completion_tokens"))
    return pieces[:limit], "length" if len(pieces) > limit else "stop"


def usage(request: dict[str, Any], tokens: list[str]) -> dict[str, Any]:
    count = sum(len(json.dumps(message["content"]).split()) for message in request["messages"])
    return {
        "prompt_tokens": count,
        "completion_tokens": len(tokens),
        "total_tokens": count + len(tokens),
        "prompt_tokens_details": {"cached_tokens": count // 2},
    }


def logprobs(request: dict[str, Any], tokens: list[str]) -> dict[str, Any] | None:
    if not request.get("logprobs"):
        return None
    top = [{"token": f"t{at}", "logprob": -0.5 - at, "bytes": None} for at in range(request["top_logprobs"])]
    return {"content": [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": top} for token in tokens]}


def completion(request: dict[str, Any]) -> dict[str, Any]:
    tokens, finish = answer(request)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "".join(tokens)},
        "finish_reason": finish,
        "logprobs": logprobs(request, tokens),
    }
    return _envelope(request, "chat.completion", [choice]) | {"usage": usage(request, tokens)}


def events(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    tokens, finish = answer(request)
    for token in tokens:
        delta = {"index": 0, "delta": {"content": token}, "logprobs": logprobs(request, [token])}
        yield _envelope(request, "chat.completion.chunk", [delta | {"finish_reason": None}])
    yield _envelope(request, "chat.completion.chunk", [{"index": 0, "delta": {}, "finish_reason": finish}])
    if request.get("stream_options", {}).get("include_usage"):
        yield _envelope(request, "chat.completion.chunk", []) | {"usage": usage(request, tokens)}


def _envelope(request: dict[str, Any], kind: str, choices: list[Any]) -> dict[str, Any]:
    return {"id": "c1", "object": kind, "created": 1, "model": request["model"], "choices": choices}


def _handler(wire: Wire) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            wire.paths.append(self.path)
            self._send(404, b"{}", {})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            wire.paths.append(self.path)
            wire.requests.append(request)
            wire.headers.append({name.lower(): value for name, value in self.headers.items()})
            if wire.faults:
                self._fail(wire.faults.pop(0))
            elif request.get("stream"):
                lines = [json.dumps(wire.alter(event)) for event in events(request)]
                body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
                self._send(200, body, {"content-type": "text/event-stream"})
            else:
                self._send(200, json.dumps(wire.respond(request, wire.alter(completion(request)))).encode(), {})

        def _fail(self, fault: Fault) -> None:
            time.sleep(fault.delay_s)
            self._send(fault.status, fault.body, fault.headers, extra=1000 if fault.drop else 0)
            if fault.drop:
                self.close_connection = True

        def _send(self, status: int, body: bytes, headers: dict[str, str], extra: int = 0) -> None:
            try:
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body) + extra))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True

    return Handler


@contextmanager
def serving() -> Iterator[Wire]:
    """A server for as long as the block runs."""
    wire = Wire()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(wire))
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    wire.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
