from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from foveate.rerankers.engine import Engine
from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.aligning import OTHER, RIGHT, align
from foveate.rerankers.injection.recipe import InjectionRecipe
from foveate.rerankers.injection.training import fresh
from tests.rerankers.injection.making import DIM, row, rows


@pytest.fixture
def blank(tiny_folder: Path) -> AlignedModel:
    engine = Engine(tiny_folder, "tiny", cached_prompts=0, cache_bytes=0)
    return AlignedModel(engine, fresh(engine, DIM, hidden=16, seed=1))


def near(aligned: AlignedModel, word: str, places: torch.Tensor) -> list[float]:
    """Cosines of the embeddings at the places with the word's."""
    table = aligned.engine.model.get_input_embeddings()
    one = normalize(table(torch.tensor(aligned.engine.prompt.encode_text(word))).mean(0), dim=0)
    return (normalize(places, dim=1) @ one).tolist()


def test_vectors_become_words(blank: AlignedModel) -> None:
    """Fresh rows: the right place is the word of the right one, every other the other word."""
    align(blank, rows(60), InjectionRecipe(dropout=0.0, aligning=150), torch.Generator().manual_seed(0))
    for one, right in ((row(options=2, choice=1, seed=5000), 1), (row(options=2, choice=None, seed=5001), 2)):
        with torch.no_grad():
            made = blank.projected(one)
        is_right, is_other = near(blank, RIGHT, made), near(blank, OTHER, made)
        named = [is_right[at] > is_other[at] for at in range(4)]
        assert named == [at in (right, 3) for at in range(4)]
    assert blank.dropout == 0.0


def test_no_steps_change_nothing(blank: AlignedModel) -> None:
    before = {name: value.clone() for name, value in blank.projector.state_dict().items()}
    align(blank, rows(4), InjectionRecipe(aligning=0), torch.Generator())
    assert all(torch.equal(value, before[name]) for name, value in blank.projector.state_dict().items())
