import shutil
from pathlib import Path

import pytest

from foveate.rerankers.lora.training import train_reranker
from tests.rerankers.lora.making import pairs, recipe
from tests.rerankers.tiny import build


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="session")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only; see ``adapter`` for one to change."""
    out = tmp_path_factory.mktemp("adapters") / "words"
    train_reranker(recipe(base), pairs(), out)
    return out


@pytest.fixture
def adapter(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "words"))
