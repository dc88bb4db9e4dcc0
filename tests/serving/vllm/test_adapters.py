"""Adapters go by their content, from folders that nobody else writes; the server is a stand-in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from foveate.errors import CallerError, ModelError, ServiceError
from foveate.rerankers.lora.adapters import check_adapter
from foveate.serving.vllm import state
from foveate.serving.vllm.adapters import admit, load, loaded, room_for, unload
from foveate.serving.vllm.launch import Launch
from foveate.serving.vllm.server import down, free_port, start
from foveate.serving.vllm.state import LoraRoom, Server
from tests.rerankers import tiny
from tests.serving.vllm import makers
from tests.serving.vllm.stand_in import install

ROOM = LoraRoom(rank=8, modules=("q_proj",), slots=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    return makers.adapter(tmp_path_factory.mktemp("adapters") / "mine", base)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return state.state_folder(tmp_path / "state")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[Server]:
    folder = state.state_folder(tmp_path_factory.mktemp("served") / "state")
    python = install(folder.parent / "vllm")
    yield start(
        Launch(model=base, served_name="tiny", port=free_port(), python=python, lora=ROOM), folder, timeout_s=60
    )
    down(folder, grace_s=2)


def test_load_and_unload(server: Server, mine: Path, base: Path, folder: Path) -> None:
    name = load(server, mine, folder)
    assert name == check_adapter(mine, base).served_name and name.startswith("mine-")
    assert load(server, mine, folder) == name
    assert loaded(server) == [name]
    unload(server, name)
    assert loaded(server) == []
    with pytest.raises(CallerError, match=r"has no adapter .* \(there: none\)"):
        unload(server, name)


def test_same_folder_other_content_other_name(base: Path, folder: Path, tmp_path: Path) -> None:
    names = [
        admit(makers.adapter(tmp_path / str(seed) / "mine", base, seed=seed), base, folder).name for seed in (1, 2)
    ]
    assert names[0] != names[1]
    assert sorted(path.name for path in (folder / "adapters").iterdir()) == sorted(names)


def test_the_copy_is_what_was_checked(mine: Path, base: Path, folder: Path, tmp_path: Path) -> None:
    admitted = admit(mine, base, folder)
    assert admitted.folder.stat().st_mode & 0o077 == 0
    other = makers.adapter(tmp_path / "mine", base, seed=5)
    (admitted.folder / "adapter_model.safetensors").write_bytes((other / "adapter_model.safetensors").read_bytes())
    with pytest.raises(ServiceError, match="does not hold what its name says"):
        admit(mine, base, folder)


def test_another_base(mine: Path, tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelError, match="another base model"):
        admit(mine, tiny.build(tmp_path / "other", seed=2), folder)
    assert not (folder / "adapters").exists()


def test_no_room(server: Server, base: Path, folder: Path, tmp_path: Path) -> None:
    high = makers.adapter(tmp_path / "high", base, rank=16)
    with pytest.raises(CallerError, match="'high' has rank 16, server 'main' takes up to 8"):
        load(server, high, folder)
    wide = makers.adapter(tmp_path / "wide", base, modules=("q_proj", "v_proj"))
    with pytest.raises(CallerError, match="'wide' trains v_proj, server 'main' takes q_proj"):
        load(server, wide, folder)
    with pytest.raises(CallerError, match="takes no adapters; start it with --adapter or --lora-rank"):
        load(replace(server, lora=None), wide, folder)


def test_not_on_somebody_else_s_server(server: Server, mine: Path, folder: Path) -> None:
    attached = replace(server, process=None, folder=None)
    with pytest.raises(CallerError, match="only on servers started here"):
        load(attached, mine, folder)
    with pytest.raises(CallerError, match="only on servers started here"):
        unload(attached, "x")
    assert loaded(attached) == []


def test_room(mine: Path, base: Path) -> None:
    info = check_adapter(mine, base)
    assert room_for([]) is None
    assert room_for([info]) == ROOM
    assert room_for([info], rank=9, modules=["v_proj"]) == LoraRoom(rank=16, modules=("q_proj", "v_proj"), slots=2)
    assert room_for([], rank=1) == LoraRoom(rank=1, modules=(), slots=2)
    assert room_for([info, info, info]) == replace(ROOM, slots=3)
