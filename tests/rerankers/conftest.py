"""Model folders and loaded models, once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from foveate import models
from foveate.errors import ModelMissing
from foveate.rerankers.local import LocalChat


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.rerankers import tiny

    return tiny.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_chat(tiny_folder: Path) -> Iterator[LocalChat]:
    model = LocalChat(tiny_folder)
    yield model
    model.close()


@pytest.fixture(scope="session")
def smollm2() -> Iterator[LocalChat]:
    try:
        models.path("smollm2")
    except ModelMissing as error:
        pytest.skip(str(error))
    model = LocalChat("smollm2")
    yield model
    model.close()
