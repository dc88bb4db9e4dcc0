from pathlib import Path

import pytest
import torch

from foveate.rerankers.engine import Engine
from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.recipe import InjectionRecipe
from foveate.rerankers.injection.training import Trained, fresh, train_injection
from tests.rerankers.injection.making import DIM, rows


@pytest.fixture(scope="session")
def aligned(tiny_folder: Path) -> AlignedModel:
    """Untrained, over random weights."""
    engine = Engine(tiny_folder, "tiny", cached_prompts=0, cache_bytes=0)
    return AlignedModel(engine, fresh(engine, DIM, hidden=8, seed=1))


@pytest.fixture(scope="session")
def trained(tiny_folder: Path) -> Trained:
    recipe = InjectionRecipe(epochs=4, hidden=32, aligning=100, batch=8, learning_rate=0.01, dropout=0.1)
    return train_injection(rows(160), encoder="made", model=tiny_folder, recipe=recipe)


@pytest.fixture(scope="session")
def saved(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("injection") / "words.safetensors"
    trained.save(path)
    return path


@pytest.fixture(autouse=True)
def _same_chance() -> None:
    torch.manual_seed(0)
