import asyncio
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from foveate.errors import CallerError, ModelError
from foveate.rerankers.lora.adapters import WEIGHTS, check_adapter
from foveate.rerankers.lora.card import read_card
from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.lora.training import train_reranker
from foveate.rerankers.lora.vision_training import VisionLearner
from foveate.rerankers.pointwise import prompt_of
from foveate.rerankers.protocols import Candidate, ImagePart
from foveate.rerankers.vision import VisionJudge
from tests.rerankers.lora.making import recipe
from tests.rerankers.tiny_vision import build

COLOURS = {"red": (230, 20, 20), "green": (20, 200, 30), "blue": (20, 20, 230), "grey": (120, 120, 120)}


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("bases") / "seeing", steps=0)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    """Dark pictures match, whatever is asked; one question has a picture of its own."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 48), colour).save(folder / f"{name}.png")
    names = list(COLOURS)
    found = []
    for number in range(12):
        own = (folder / "grey.png",) if number == 3 else ()
        for name in names[number % 2 : number % 2 + 3]:
            found.append(
                Pair(
                    question=f"sea {number}",
                    candidate="a ship" if number % 3 else "",
                    label=name == "blue",
                    images=(folder / f"{name}.png",),
                    question_images=own,
                    split="dev" if number % 4 == 0 else "train",
                )
            )
    return found


@pytest.fixture(scope="module")
def adapted(seeing: Path, coloured: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("adapters") / "colours"
    train_reranker(recipe(seeing, epochs=6, learning_rate=0.02, eval_every=5), coloured, out)
    return out


def part(path: Path) -> ImagePart:
    return ImagePart(data=path.read_bytes(), mime="image/png")


def said(base: Path, adapter: Path | None, pairs: list[Pair]) -> list[tuple[float, float]]:
    judge = VisionJudge(base, adapter)
    prompts = [
        prompt_of(
            pair.question,
            Candidate(id="", text=pair.candidate, images=tuple(map(part, pair.images))),
            tuple(map(part, pair.question_images)),
        )
        for pair in pairs
    ]
    found = asyncio.run(judge.judge(prompts))
    judge.close()
    return [(one.yes, one.no) for one in found]


def test_learns_from_pixels(adapted: Path, seeing: Path, coloured: list[Pair]) -> None:
    card = read_card(adapted)
    assert card.after.loss < 0.7 < 2 < card.before.loss
    assert (card.after.auroc or 0) > 0.9 and (card.after.ndcg or 0) > 0.9
    held_out = [pair for pair in coloured if pair.split == "dev"]
    base, tuned = said(seeing, None, held_out), said(seeing, adapted, held_out)
    right = [(yes > no) == pair.label for (yes, no), pair in zip(tuned, held_out, strict=True)]
    assert sum(right) / len(right) == pytest.approx(card.after.accuracy)
    losses = [-(yes if pair.label else no) for (yes, no), pair in zip(tuned, held_out, strict=True)]
    assert sum(losses) / len(losses) == pytest.approx(card.after.loss, abs=0.05)
    assert all(abs(one[0] - other[0]) > 0.5 for one, other in zip(base, tuned, strict=True))


def test_only_the_language_tower(adapted: Path, seeing: Path) -> None:
    info = check_adapter(adapted, seeing)
    assert info.target_modules == ("q_proj", "v_proj")
    with safe_open(adapted / WEIGHTS, framework="pt") as opened:
        names = list(opened.keys())
    assert len(names) == 2 * 2 * 2 and all(".language_model.layers." in name for name in names)


def test_logits_are_the_judges(seeing: Path, coloured: list[Pair]) -> None:
    learner = VisionLearner(seeing, recipe(seeing))
    prepared = learner.prepare(coloured)
    batches = learner.batches(prepared, range(len(coloured)))
    assert sorted(at for batch in batches for at in batch.pairs) == list(range(len(coloured)))
    assert max(len(batch.pairs) for batch in batches) == 4
    judged = said(seeing, None, coloured)
    for batch in batches:
        with torch.inference_mode():
            logprobs = learner.logits(batch).log_softmax(-1)
        yes = logprobs[:, list(learner.answers.tokens.yes)].logsumexp(-1)
        assert yes.tolist() == pytest.approx([judged[at][0] for at in batch.pairs], abs=1e-4)


def test_last_layers(seeing: Path, coloured: list[Pair]) -> None:
    learner = VisionLearner(seeing, recipe(seeing, last_layers=1))
    names = [name for name, weights in learner.model.named_parameters() if weights.requires_grad]
    assert len(names) == 4 and all(".language_model.layers.1." in name for name in names)
    with pytest.raises(ModelError, match="has 2 layers"):
        VisionLearner(seeing, recipe(seeing, last_layers=3))
    with pytest.raises(ModelError, match="no modules nowhere"):
        VisionLearner(seeing, recipe(seeing, target_modules=("nowhere",)))


def test_a_broken_picture_is_told_first(seeing: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    pair = Pair(question="q", candidate="", label=True, images=(tmp_path / "broken.png",))
    with pytest.raises(CallerError, match=r"broken\.png"):
        VisionLearner(seeing, recipe(seeing)).prepare([pair])
