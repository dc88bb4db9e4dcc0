"""``foveate vllm``, with a stand-in for the installation."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from foveate.errors import CallerError, ServiceError
from foveate.serving.vllm import state
from foveate.serving.vllm.cli import app
from foveate.serving.vllm.processes import alive
from foveate.serving.vllm.server import down, free_port
from tests.rerankers import tiny
from tests.serving.vllm import makers
from tests.serving.vllm.stand_in import install


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build(tmp_path_factory.mktemp("models") / "tiny", context=2048)


class Command:
    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        self.python = python

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        found = CliRunner().invoke(app, [*arguments, "--state", str(self.folder), "--json"])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        assert found.exit_code == code, found.output
        return json.loads(found.stdout)

    def up(self, base: Path, *more: str) -> Any:
        return self("up", str(base), "--port", "0", "--python", str(self.python), "--wait", "60", *more)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    made = Command(state.state_folder(tmp_path / "state"), install(tmp_path / "vllm"))
    yield made
    for name in state.servers(made.folder):
        down(made.folder, name, grace_s=1)


def test_a_life(command: Command, base: Path, tmp_path: Path) -> None:
    mine = makers.adapter(tmp_path / "mine", base)
    facts = command.up(base, "--adapter", str(mine))
    assert facts["model"] == "tiny" and facts["url"].startswith("http://127.0.0.1:")
    (adapter,) = facts["adapters"]
    (row,) = command("status")
    assert (row["state"], row["pid"], row["serves"]) == ("up", facts["pid"], ["tiny", adapter["adapter"]])
    assert "key" not in row
    assert command("status", "--show-key")[0]["key"] == state.read(command.folder).key
    assert command("adapters", "list") == [adapter]
    assert command("adapters", "unload", adapter["adapter"]) == {"unloaded": adapter["adapter"]}
    assert command("adapters", "load", str(mine)) == adapter
    log = CliRunner().invoke(app, ["logs", "--state", str(command.folder)])
    assert log.output.splitlines()[-1] == "ready"
    assert command("down") == {"ended": "main", "url": row["url"]}
    assert command("status") == []


def test_status_of_a_dead_server(command: Command, base: Path) -> None:
    pid = command.up(base)["pid"]
    process = state.read(command.folder).process
    assert process is not None and process.pid == pid
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while alive(process) and time.monotonic() < until:
        time.sleep(0.05)
    assert command("status", code=5)[0]["state"] == "dead"


def test_an_adapter_that_does_not_load_ends_the_server(command: Command, base: Path, tmp_path: Path) -> None:
    mine = makers.adapter(tmp_path / "mine", base)
    server = command.python.parent / "vllm" / "entrypoints" / "openai" / "api_server.py"
    # A server that takes the request and has no such adapter afterwards.
    server.write_text(server.read_text().replace('names.append(body["lora_name"])', "pass"))
    with pytest.raises(ServiceError, match="said yes, but does not list"):
        command.up(base, "--adapter", str(mine))
    assert state.servers(command.folder) == []


def test_what_was_not_built_for_this(command: Command, base: Path) -> None:
    with pytest.raises(CallerError, match="was built for cpu, not gpu"):
        command.up(base, "--gpu")


def test_attach_and_forget(command: Command, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = command.up(base)["url"]
    server = state.read(command.folder)
    with pytest.raises(CallerError, match="'NO_SUCH', which is not set"):
        command("attach", url, "--name", "far", "--key-env", "NO_SUCH")
    monkeypatch.setenv("ITS_KEY", server.key or "")
    assert command("attach", url, "--name", "far", "--key-env", "ITS_KEY")["pid"] is None
    assert [row["state"] for row in command("status")] == ["up", "up"]
    with pytest.raises(CallerError, match="only on servers started here"):
        command("adapters", "unload", "x", "--name", "far")
    assert command("down", "--name", "far") == {"forgotten": "far", "url": server.url}
    assert command("status")[0]["state"] == "up"


def test_parity_needs_a_server(command: Command, base: Path) -> None:
    with pytest.raises(CallerError, match=r"no server 'main' \(there: none\)"):
        command("parity", str(base))
    with pytest.raises(ServiceError, match="cannot reach the model server"):
        command("parity", str(base), "--url", f"http://127.0.0.1:{free_port()}")


def test_logs_of_nobody(command: Command) -> None:
    found = CliRunner().invoke(app, ["logs", "--state", str(command.folder), "--name", "other"])
    assert isinstance(found.exception, CallerError) and "has no log" in str(found.exception)


@pytest.mark.parametrize("verb", ["up", "attach", "status", "down", "logs", "parity", "adapters"])
def test_help(verb: str) -> None:
    found = CliRunner().invoke(app, [verb, "--help"])
    assert found.exit_code == 0 and found.output
