from pathlib import Path

import pytest
import torch

from foveate.rerankers.lora.anchoring import squared_drift
from foveate.rerankers.lora.text_training import TextLearner
from foveate.rerankers.lora.training import train_reranker
from tests.rerankers.lora.making import pairs, recipe


@pytest.mark.parametrize("last", [None, 1])
def test_norm_of_the_update(base: Path, last: int | None) -> None:
    """Against the change of the weights themselves once the adapter is merged into them."""
    torch.manual_seed(3)
    learner = TextLearner(base, recipe(base, rank=3, alpha=7.0, last_layers=last))
    assert squared_drift(learner.model).item() == 0.0
    for name, part in learner.model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(part, std=0.3)
    told = squared_drift(learner.model)
    told.backward()
    first = next(part for name, part in learner.model.named_parameters() if "lora_A" in name and part.requires_grad)
    assert first.grad is not None and float(first.grad.abs().sum()) > 0
    before = TextLearner(base, recipe(base)).model.unload().state_dict()
    after = learner.model.merge_and_unload().state_dict()
    moved = sum(float((after[name] - before[name]).square().sum()) for name in before)
    assert told.item() == pytest.approx(moved, rel=1e-4) and moved > 1


def test_gradient_of_the_norm(base: Path) -> None:
    """Against the gradient through the update when it is made."""
    torch.manual_seed(3)
    learner = TextLearner(base, recipe(base, rank=2))
    for name, part in learner.model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(part, std=0.3)
    parts = [part for part in learner.model.parameters() if part.requires_grad]
    cheap = torch.autograd.grad(squared_drift(learner.model), parts)
    layers = [module for module in learner.model.modules() if "default" in getattr(module, "lora_A", ())]
    made = sum(
        (layer.scaling["default"] * layer.lora_B["default"].weight @ layer.lora_A["default"].weight).square().sum()
        for layer in layers
    )
    for one, other in zip(cheap, torch.autograd.grad(made, parts), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


def test_holds_the_weights_back(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    from foveate.rerankers.lora.adapters import WEIGHTS

    def drift(anchor: float) -> float:
        out = tmp_path / str(anchor)
        train_reranker(recipe(base, max_steps=12, anchor=anchor), pairs(), out)
        found = load_file(out / WEIGHTS)
        total = 0.0
        for name, first in found.items():
            if "lora_A" in name:
                total += float((found[name.replace("lora_A", "lora_B")] @ first).square().sum())
        return total

    free, held, tight = drift(0.0), drift(0.1), drift(10.0)
    assert tight < 0.5 * held < 0.5 * free
