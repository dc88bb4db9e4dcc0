"""Real vLLM servers, one a module; `make test-vllm` prepares what they need."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foveate.serving.vllm import state
from foveate.serving.vllm.health import tail
from foveate.serving.vllm.launch import Launch
from foveate.serving.vllm.server import build, down, python_with_vllm, start
from foveate.serving.vllm.state import Server

Serve = Callable[[Launch], Server]


@pytest.fixture(scope="module")
def vllm_python() -> Path:
    """Not skipped where it is absent: who asks for the tests marked vllm wants them run."""
    chosen = os.environ.get("VLLM_PYTHON")
    return build(python_with_vllm(Path(chosen) if chosen else None)).python


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of state files; what still runs at the end is ended."""
    folder = state.state_folder(tmp_path_factory.mktemp("served") / "state")
    yield folder
    for name in state.servers(folder):
        down(folder, name)


@pytest.fixture(scope="module")
def serve(states: Path) -> Serve:
    def begin(launch: Launch) -> Server:
        try:
            return start(launch, states, timeout_s=600)
        except Exception:
            print(*tail(state.log_file(states, state.NAME), 60), sep="\n")
            raise

    return begin
