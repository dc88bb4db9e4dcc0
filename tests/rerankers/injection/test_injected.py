import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from foveate.errors import CallerError, ModelError
from foveate.rerankers.injection.injected import Injected, InjectedModel
from foveate.usage import Usage
from tests.rerankers import tiny
from tests.rerankers.injection.making import DIM, row


@pytest.fixture
def model(saved: Path, tiny_folder: Path) -> Iterator[InjectedModel]:
    made = InjectedModel(saved, encoder="made", model=tiny_folder)
    yield made
    made.close()


def test_what_fits_is_chosen_and_nothing_where_nothing_fits(model: InjectedModel) -> None:
    """Through the file and the thread, on rows it was not trained on."""

    async def ask() -> list[Injected]:
        made = [row(options=2, choice=None, seed=7000 + at) for at in range(10)]
        made += [row(options=2, choice=at % 2, seed=7000 + at) for at in range(10)]
        return [await model.choose(one.question, one.options, one.vectors) for one in made]

    found = asyncio.run(ask())
    for one in found:
        assert sum(one.probabilities) + one.none == pytest.approx(1.0)
    nones = [one.none for one in found]
    assert min(nones[:10]) > max(nones[10:])
    assert all(one.choice is None for one in found[:10])
    assert model.name == "injected:words"
    assert found[0].usage.tokens_in > found[0].usage.tokens_cached > 0


def test_without_vectors_it_is_the_bare_model(model: InjectedModel) -> None:
    one = row(options=2)
    bare = asyncio.run(model.choose(one.question, one.options))
    full = asyncio.run(model.choose(one.question, one.options, one.vectors))
    assert sum(bare.probabilities) + bare.none == pytest.approx(1.0)
    # Two rotations, four places each.
    assert bare.usage.tokens_in == full.usage.tokens_in - 2 * 4
    assert bare.probabilities != full.probabilities


def test_calls_at_once_do_not_mix(model: InjectedModel) -> None:
    made = [row(options=2 + at % 2, seed=at) for at in range(4)]

    async def ask() -> tuple[list[Injected], list[Injected]]:
        calls = [model.choose(one.question, one.options, one.vectors) for one in made]
        together = await asyncio.gather(*calls)
        return list(together), [await model.choose(one.question, one.options, one.vectors) for one in made]

    together, alone = asyncio.run(ask())
    assert together == alone


def test_choice() -> None:
    def one(*chances: float, none: float) -> int | None:
        return Injected(probabilities=chances, none=none, usage=Usage()).choice

    assert one(0.2, 0.5, none=0.3) == 1
    assert one(0.2, 0.3, none=0.5) is None
    assert one(0.5, none=0.5) is None


def test_bad_calls(model: InjectedModel) -> None:
    def ask(question: str, options: object, vectors: object = None) -> None:
        asyncio.run(model.choose(question, options, vectors))  # type: ignore[arg-type]

    with pytest.raises(CallerError, match="string 'sea'"):
        ask("q", "sea")
    with pytest.raises(CallerError, match="must hold words"):
        ask("", ["sea"])
    with pytest.raises(CallerError, match="each may stand once"):
        ask("q", ["sea", "sea"])
    with pytest.raises(CallerError, match=r"shape \(2, 12\)"):
        ask("q", ["sea"], np.zeros((2, DIM + 1), np.float32))
    with pytest.raises(CallerError, match="holds 512"):
        ask("x" * 600, ["sea"])


def test_another_model_or_encoder_is_refused(saved: Path, tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'other'"):
        InjectedModel(saved, encoder="other", model=tiny_folder)
    with pytest.raises(ModelError, match="base model"):
        InjectedModel(saved, encoder="made", model=tiny.build(tmp_path / "other", seed=2))
    with pytest.raises(CallerError, match="no trained head"):
        InjectedModel(tmp_path / "none.safetensors", encoder="made", model=tiny_folder)
