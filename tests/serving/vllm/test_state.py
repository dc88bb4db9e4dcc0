"""State files: private, whole, read back as written."""

import stat
from pathlib import Path

import pytest

from foveate.errors import CallerError, ServiceError
from foveate.serving.vllm import state
from foveate.serving.vllm.processes import Process
from foveate.serving.vllm.state import LoraRoom, Server

FULL = Server(
    name="main",
    url="http://127.0.0.1:8000",
    model="smollm2",
    folder="/models/smollm2",
    key="secret-key",
    process=Process(pid=12, birth="boot:34"),
    others=(Process(pid=13, birth="boot:35"),),
    lora=LoraRoom(rank=8, modules=("q_proj", "v_proj"), slots=2),
    sees=True,
)
BARE = Server(name="bare", url="https://gpu-box", model="vlm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return state.state_folder(tmp_path / "vllm")


@pytest.mark.parametrize("server", [FULL, BARE], ids=lambda server: server.name)
def test_read_back(folder: Path, server: Server) -> None:
    state.write(folder, server)
    assert state.read(folder, server.name) == server


def test_private(folder: Path) -> None:
    state.write(folder, FULL)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "main.json").stat().st_mode) == 0o600


def test_the_key_is_not_shown() -> None:
    assert "secret-key" not in repr(FULL)


def test_a_folder_that_others_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(ServiceError, match="chmod 700"):
        state.state_folder(tmp_path / "open")


def test_unknown_names_those_there_are(folder: Path) -> None:
    state.write(folder, BARE)
    with pytest.raises(CallerError, match=r"no server 'main' \(there: 'bare'\); start one with"):
        state.read(folder)


@pytest.mark.parametrize("name", ["", "../x", "A", "a" * 33, "a.b", ".lock"])
def test_bad_names(folder: Path, name: str) -> None:
    with pytest.raises(CallerError, match="allowed are 1 to 32"):
        state.read(folder, name)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"name": "main"}'])
def test_damaged(folder: Path, body: str) -> None:
    (folder / "main.json").write_text(body)
    with pytest.raises(ServiceError, match=r"main.json' is damaged"):
        state.read(folder)


def test_forget(folder: Path) -> None:
    state.write(folder, FULL)
    state.forget(folder, "main")
    assert state.servers(folder) == []
    state.forget(folder, "main")


def test_one_at_a_time(folder: Path) -> None:
    with state.work_on(folder, "main"):
        with pytest.raises(CallerError, match="started or ended by another"), state.work_on(folder, "main"):
            raise AssertionError("unreachable")
        with state.work_on(folder, "other"):
            pass
    with state.work_on(folder, "main"):
        pass
