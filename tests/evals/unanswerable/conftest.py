"""The whole set of a made-up world, built once."""

from pathlib import Path

import pytest

from foveate.evals.unanswerable.base import Base, load
from foveate.evals.unanswerable.build import all_items
from foveate.evals.unanswerable.items import Item
from tests.evals.unanswerable.made import kinship, knowledge_base, made_stamps, made_world


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of stamps and knowledge base."""
    folder = tmp_path_factory.mktemp("unanswerable")
    made_stamps(folder / "stamps")
    knowledge_base(folder / "kb", made_world())
    return folder


@pytest.fixture(scope="session")
def base(made: Path) -> Base:
    return load(made / "kb", made_world())


@pytest.fixture(scope="session")
def items(made: Path, base: Base) -> list[Item]:
    return all_items(made_stamps(made / "stamps"), kinship(), base)
