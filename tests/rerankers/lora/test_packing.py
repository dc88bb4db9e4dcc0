from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foveate import models
from foveate.errors import ModelMissing
from foveate.rerankers.engine import Engine
from foveate.rerankers.lora.packing import Prompt, pack, tensors
from foveate.rerankers.lora.text_training import TextLearner
from tests.rerankers.lora.making import pairs, recipe


def prompt(tokens: list[int], group: int = 0, at: int = 0) -> Prompt:
    return Prompt(tokens=tuple(tokens), group=group, at=at)


def test_by_hand() -> None:
    rows = pack([prompt([1, 2, 3]), prompt([1, 2, 4, 5], at=1), prompt([7], group=1, at=2)], 100)
    assert len(rows) == 1 and rows[0].size == 6
    packed = tensors(rows[0])
    assert packed.tokens.tolist() == [[1, 2, 3, 4, 5, 7]]
    assert packed.positions.tolist() == [[0, 1, 2, 2, 3, 0]]
    assert packed.last.tolist() == [2, 4, 5]
    sees = (packed.mask[0, 0] == 0).int().tolist()
    assert sees == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [1, 1, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_the_last_token_is_never_shared() -> None:
    assert tensors(pack([prompt([1, 2]), prompt([1, 2, 3], at=1)], 100)[0]).last.tolist() == [1, 3]


@given(
    st.lists(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=5), max_size=5),
    st.integers(1, 30),
    st.booleans(),
)
def test_every_prompt_can_be_read_back(groups: list[list[list[int]]], limit: int, share: bool) -> None:
    flat = [(group, tokens) for group, members in enumerate(groups) for tokens in members]
    prompts = [prompt(tokens, group, at) for at, (group, tokens) in enumerate(flat)]
    rows = pack(prompts, limit, share=share)
    assert [item for row in rows for item in row.prompts] == prompts
    for row in rows:
        packed = tensors(row)
        for item, last in zip(row.prompts, packed.last.tolist(), strict=True):
            seen = (packed.mask[0, 0, last] == 0).nonzero().flatten()
            assert tuple(packed.tokens[0, seen].tolist()) == item.tokens
            assert packed.positions[0, seen].tolist() == list(range(len(item.tokens)))
        assert row.size <= limit or len(row.prompts) == 1
        assert row.size == packed.tokens.shape[1]


@pytest.mark.parametrize("share", [True, False])
def test_logits_are_those_of_prompts_alone(base: Path, share: bool) -> None:
    data = pairs(questions=3)
    learner = TextLearner(base, recipe(base, batch_tokens=512), share=share)
    prompts = learner.prepare(data)
    batches = learner.batches(prompts, range(len(data)))
    engine = Engine(base, "tiny", cached_prompts=0, cache_bytes=0)
    assert any(len(batch.pairs) > 2 for batch in batches)
    for batch in batches:
        with torch.inference_mode():
            packed = learner.logits(batch)
            for at, row in zip(batch.pairs, packed, strict=True):
                alone = engine.model(torch.tensor([prompts[at].tokens])).logits[0, -1]
                assert torch.allclose(row, alone, atol=1e-4)


def test_gradients_are_those_of_prompts_alone(base: Path) -> None:
    found = []
    for share, tokens in ((True, 256), (False, 16)):
        torch.manual_seed(3)
        learner = TextLearner(base, recipe(base, batch_tokens=tokens), share=share)
        parts = {name: part for name, part in learner.model.named_parameters() if part.requires_grad}
        for name, part in parts.items():
            if "lora_B" in name:
                torch.nn.init.normal_(part, std=0.1)
        prompts = learner.prepare(pairs(questions=2))
        for batch in learner.batches(prompts, range(len(prompts))):
            learner.logits(batch)[:, 7].sum().backward()
        found.append({name: part.grad for name, part in parts.items()})
    for name, grad in found[0].items():
        assert torch.allclose(grad, found[1][name], atol=1e-3, rtol=1e-3), name


@pytest.mark.slow
def test_real_weights() -> None:
    try:
        folder = models.path("smollm2")
    except ModelMissing as error:
        pytest.skip(str(error))
    data = pairs(questions=2)
    learner = TextLearner(folder, recipe(folder))
    prompts = learner.prepare(data)
    for batch in learner.batches(prompts, range(len(data))):
        with torch.inference_mode():
            for at, row in zip(batch.pairs, learner.logits(batch), strict=True):
                alone = learner.model(torch.tensor([prompts[at].tokens])).logits[0, -1]
                assert torch.allclose(row.log_softmax(-1), alone.log_softmax(-1), atol=1e-3)
                assert torch.allclose(row.softmax(-1), alone.softmax(-1), atol=1e-5)
