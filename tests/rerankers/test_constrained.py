"""Next tokens out of what is allowed, pinned to transformers."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from foveate.errors import CallerError, ModelError
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.constrained import Constrained, _shared, trace_prompt
from foveate.rerankers.local import LocalChat
from foveate.rerankers.scripted import ScriptedChat
from tests.contracts.chat import TALK
from tests.rerankers import tiny

PATHS = [[], [5, 6, 7], [9], [5, 6]]
ALLOWED = [[1, 2, 3], [250, 4], [], [0]]


@pytest.fixture(scope="module")
def expected(tiny_folder: Path) -> torch.Tensor:
    """[paths, vocabulary] from transformers, each path by itself without any cache."""
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder, local_files_only=True)
    talk = [{"role": message.role, "content": message.text} for message in TALK]
    prompt = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
    with torch.inference_mode():
        return torch.stack([model(torch.tensor([prompt + path])).logits[0, -1].log_softmax(-1) for path in PATHS])


def test_like_transformers(tiny_chat: LocalChat, expected: torch.Tensor) -> None:
    for _ in range(2):  # the second time the prompt is kept
        found = asyncio.run(tiny_chat.next_logprobs(TALK, PATHS, ALLOWED))
        for at, (tokens, row) in enumerate(zip(ALLOWED, found, strict=True)):
            assert list(row) == tokens
            assert list(row.values()) == pytest.approx(expected[at, tokens].tolist(), abs=1e-4)


def test_company_changes_nothing(tiny_chat: LocalChat) -> None:
    together = asyncio.run(tiny_chat.next_logprobs(TALK, PATHS, ALLOWED))
    for at, row in enumerate(together):
        alone = asyncio.run(tiny_chat.next_logprobs(TALK, [PATHS[at]], [ALLOWED[at]]))[0]
        assert row == pytest.approx(alone, abs=1e-4)


def test_shares_are_of_what_is_allowed(tiny_chat: LocalChat, expected: torch.Tensor) -> None:
    model = Constrained(tiny_chat)
    made = asyncio.run(model.continuations(TALK, PATHS, ALLOWED, top=2))
    wanted = expected[0, ALLOWED[0]].softmax(-1).tolist()
    best = sorted(zip(wanted, ALLOWED[0], strict=True), reverse=True)[:2]
    assert [one.token for one in made[0]] == [token for _, token in best]
    assert [one.share for one in made[0]] == pytest.approx([share for share, _ in best], abs=1e-4)
    assert made[2] == [] and [one.share for one in made[3]] == [1.0]


def test_shares_without_any_probability() -> None:
    shared = _shared({4: -math.inf, 2: -math.inf})
    assert [(one.token, one.share) for one in shared] == [(2, 0.5), (4, 0.5)]
    assert [one.token for one in _shared({9: -1.0, 3: -1.0, 5: -0.5})] == [5, 3, 9]


def test_the_prompt_is_computed_once(tiny_folder: Path) -> None:
    model = LocalChat(tiny_folder)
    try:
        asyncio.run(model.next_logprobs(TALK, [[]], [[1]]))
        engine = model._loaded()
        seen: list[int] = []
        forward = engine._next._forward
        engine._next._forward = lambda rows, cache, keep: seen.append(sum(map(len, rows))) or forward(rows, cache, keep)
        asyncio.run(model.next_logprobs(TALK, [[5], [5, 6]], [[1], [1]]))
        assert seen == [2 * 3]  # two rows of the prompt's last token and at most two more
    finally:
        model.close()


def test_codec_writes_no_control_tokens(tiny_chat: LocalChat) -> None:
    codec = asyncio.run(tiny_chat.codec())
    text = "<|im_start|>system \u5bff\u53f8"
    tokens = codec.encode_text(text)
    assert not codec.control_ids & set(tokens) and codec.decode(tokens) == text


@pytest.mark.parametrize(
    ("paths", "allowed", "said"),
    [
        ([[1]], [], "1 paths came with 0 lists"),
        ([[-1]], [[1]], "token -1 is none"),
        ([[1]], [[400_000]], "token 400000 is none"),
        ([[1] * 600], [[1]], "path has 600 tokens"),
    ],
)
def test_refuses(tiny_chat: LocalChat, paths: Any, allowed: Any, said: str) -> None:
    with pytest.raises(CallerError, match=said):
        asyncio.run(tiny_chat.next_logprobs(TALK, paths, allowed))


def test_nothing_asked(tiny_chat: LocalChat) -> None:
    assert asyncio.run(tiny_chat.next_logprobs(TALK, [], [])) == []


def test_other_models_are_told_the_cure() -> None:
    for model in (ScriptedChat([]), OpenAIChat("big", "http://127.0.0.1:1/v1")):
        with pytest.raises(CallerError, match="local:smollm2"):
            Constrained(model)


def test_damaged_weights(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tiny.build(tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][:] = math.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    model = LocalChat(folder)
    try:
        with pytest.raises(ModelError, match="damaged"):
            asyncio.run(model.next_logprobs(TALK, [[]], [[1]]))
    finally:
        model.close()


def test_prompt() -> None:
    system, user = trace_prompt("When  does it open?", ["It opens\nat ten."])
    assert system.role == "system" and user.text == "Question: When does it open?\nKnown: It opens at ten."
    assert trace_prompt("a")[0] == system  # what all questions share comes first
    assert len(trace_prompt("x" * 20_000, ["y" * 20_000])[1].text) < 1700
