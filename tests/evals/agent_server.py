"""A small OpenAI-compatible server in front of an Agent, for tests until the real endpoint exists."""

import base64
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from foveate import Agent
from foveate.errors import FoveateError


@contextmanager
def serving(agent: Agent, *, says: dict[str, Any] | None = None, status: int = 200) -> Iterator[str]:
    """Serve an open agent; yields the base address. ``says`` replaces the ``foveate`` field."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if status != 200:
                self._send(status, {"error": {"message": "out of order", "type": "server_error", "code": None}})
                return
            try:
                self._send(200, complete(agent, body, says))
            except FoveateError as error:
                self._send(400, {"error": {"message": str(error), "type": "invalid_request_error", "code": None}})

        def _send(self, code: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def complete(agent: Agent, body: dict[str, Any], says: dict[str, Any] | None) -> dict[str, Any]:
    """One chat completion."""
    content = body["messages"][-1]["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for number, part in enumerate(part for part in parts if part["type"] == "image_url"):
            path = Path(folder) / f"{number}.png"
            path.write_bytes(base64.b64decode(part["image_url"]["url"].partition(",")[2]))
            images.append(path)
        answer = agent.ask(text, images=images)
    whole = answer.to_dict()
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"},
        ],
        "usage": {
            "prompt_tokens": answer.usage.tokens_in,
            "completion_tokens": answer.usage.tokens_out,
            "total_tokens": answer.usage.tokens_in + answer.usage.tokens_out,
        },
        "foveate": says if says is not None else {key: whole[key] for key in whole if key not in ("text", "thread_id")},
    }
