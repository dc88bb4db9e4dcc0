import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from foveate.errors import CallerError, ModelError
from foveate.rerankers.lora.adapters import CARD, CONFIG, WEIGHTS, apply_adapter, check_adapter, record_base
from foveate.rerankers.lora.bases import base_digest, layer_key
from tests.rerankers.tiny import build


def load(base: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(base).eval()


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        out: torch.Tensor = model(torch.tensor([[5, 9, 30, 7]])).logits
    return out


def test_a_good_one(adapter: Path, base: Path) -> None:
    info = check_adapter(adapter, base)
    assert (info.name, info.rank, info.alpha) == ("words", 8, 16.0)
    assert info.target_modules == ("q_proj", "v_proj")
    assert (info.base_name, info.base_digest) == ("tiny", base_digest(base))
    assert info.served_name == f"words-{info.digest[:12]}"


def test_names_differ_by_content(adapter: Path, base: Path) -> None:
    before = check_adapter(adapter, base)
    config = json.loads((adapter / CONFIG).read_text())
    (adapter / CONFIG).write_text(json.dumps(config | {"lora_alpha": 17}))
    assert check_adapter(adapter, base).served_name != before.served_name
    odd = adapter.rename(adapter.with_name("my words/..".replace("/", "_")))
    assert check_adapter(odd, base).served_name.startswith("my-words_-")


def test_applied_as_peft_does(adapter: Path, base: Path) -> None:
    expected = logits(PeftModel.from_pretrained(load(base), str(adapter)).eval())
    applied, merged = apply_adapter(load(base), adapter), apply_adapter(load(base), adapter, merge=True)
    assert torch.equal(logits(applied), expected)
    assert torch.allclose(logits(merged), expected, atol=1e-4)
    assert not applied.training and not isinstance(merged, PeftModel)
    assert not torch.allclose(logits(load(base)), expected, atol=1e-2)


def test_another_base(adapter: Path, tmp_path: Path) -> None:
    other = build(tmp_path / "other", seed=2)
    with pytest.raises(ModelError, match=r"adapter for another base model: for 'tiny'"):
        check_adapter(adapter, other)


def test_base_digest(base: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(base, tmp_path / "copy"))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"transformers_version": "9", "_name_or_path": "/x"}))
    assert base_digest(copy) == base_digest(base)
    (copy / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))
    assert base_digest(copy) != base_digest(base)
    weights = load_file(copy / "model.safetensors")
    weights["model.norm.weight"][0] += 1
    (copy / "config.json").write_text(json.dumps(config))
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert base_digest(copy) != base_digest(base)


@pytest.mark.parametrize("name", ["adapter_model.bin", "adapter_model.pt", "x.pkl", "modeling.py", "more.safetensors"])
def test_foreign_files(adapter: Path, base: Path, name: str) -> None:
    (adapter / name).write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(ModelError, match=name):
        check_adapter(adapter, base)
    with pytest.raises(ModelError, match=name):
        apply_adapter(load(base), adapter)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, CARD])
def test_missing_files(adapter: Path, base: Path, name: str) -> None:
    (adapter / name).unlink()
    with pytest.raises(ModelError, match=name):
        check_adapter(adapter, base)


def test_no_folder(base: Path) -> None:
    with pytest.raises(CallerError, match="no adapter folder"):
        check_adapter(Path("/nowhere"), base)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("peft_type", "IA3"),
        ("peft_type", None),
        ("task_type", "SEQ_CLS"),
        ("auto_mapping", {"base_model_class": "system", "parent_library": "os"}),
        ("r", 10**6),
        ("r", 65),
        ("r", True),
        ("r", "8"),
        ("lora_alpha", float("nan")),
        ("lora_alpha", -1),
        ("target_modules", "(a+)+$"),
        ("target_modules", ["(a+)+$"]),
        ("target_modules", "all-linear"),
        ("target_modules", []),
        ("target_modules", ["q_proj", "v_proj", "nowhere"]),
        ("rank_pattern", {".*": 10**6}),
        ("modules_to_save", ["lm_head"]),
        ("use_dora", True),
        ("bias", "all"),
        ("init_lora_weights", "pissa"),
        ("layers_to_transform", [-1]),
        ("layers_to_transform", "all"),
        ("layer_replication", [[0, 10**6]]),
        ("some_new_key", "x"),
    ],
)
def test_bad_configuration(adapter: Path, base: Path, key: str, value: object) -> None:
    config = json.loads((adapter / CONFIG).read_text())
    (adapter / CONFIG).write_text(json.dumps(config | {key: value}))
    with pytest.raises(ModelError, match="nowhere" if value == ["q_proj", "v_proj", "nowhere"] else key):
        check_adapter(adapter, base)
    with pytest.raises(ModelError):
        apply_adapter(load(base), adapter)


def _shape(weights: dict[str, torch.Tensor], name: str) -> None:
    weights[name] = torch.zeros(8, 7)


def _nan(weights: dict[str, torch.Tensor], name: str) -> None:
    weights[name][0, 0] = torch.nan


def _infinite(weights: dict[str, torch.Tensor], name: str) -> None:
    weights[name] = weights[name].to(torch.bfloat16)
    weights[name][0, 0] = torch.inf


def _whole(weights: dict[str, torch.Tensor], name: str) -> None:
    weights[name] = weights[name].to(torch.int64)


def _half(weights: dict[str, torch.Tensor], name: str) -> None:
    del weights[name]


def _stranger(weights: dict[str, torch.Tensor], name: str) -> None:
    weights["base_model.model.model.layers.99.self_attn.q_proj.lora_A.weight"] = weights[name].clone()


def _untold(weights: dict[str, torch.Tensor], name: str) -> None:
    weights["base_model.model.lm_head.weight"] = torch.zeros(3, 3)


def _nothing(weights: dict[str, torch.Tensor], name: str) -> None:
    weights.clear()


@pytest.mark.parametrize("spoil", [_shape, _nan, _infinite, _whole, _half, _stranger, _untold, _nothing])
def test_bad_tensors(adapter: Path, base: Path, spoil: Callable[[dict[str, torch.Tensor], str], None]) -> None:
    weights = load_file(adapter / WEIGHTS)
    spoil(weights, sorted(weights)[0])
    save_file(weights, adapter / WEIGHTS)
    with pytest.raises(ModelError, match=WEIGHTS):
        check_adapter(adapter, base)
    with pytest.raises(ModelError, match=WEIGHTS):
        apply_adapter(load(base), adapter)


@pytest.mark.parametrize("length", [2**63, 2 * 10**8, 0])
def test_header_that_lies(adapter: Path, base: Path, length: int) -> None:
    (adapter / WEIGHTS).write_bytes(length.to_bytes(8, "little") + b"{}" * 40)
    with pytest.raises(ModelError, match="header"):
        check_adapter(adapter, base)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"base_name": 3}'])
def test_card_that_is_none(adapter: Path, base: Path, text: str) -> None:
    (adapter / CARD).write_text(text)
    with pytest.raises(ModelError, match=CARD):
        check_adapter(adapter, base)


def test_one_made_elsewhere(base: Path, tmp_path: Path) -> None:
    made = get_peft_model(load(base), LoraConfig(r=4, target_modules=["k_proj"], task_type="CAUSAL_LM"))
    made.save_pretrained(tmp_path / "theirs")
    with pytest.raises(ModelError, match=CARD):
        check_adapter(tmp_path / "theirs", base)
    record_base(tmp_path / "theirs", base)
    info = check_adapter(tmp_path / "theirs", base)
    assert (info.rank, info.target_modules, info.base_name) == (4, ("k_proj",), "tiny")


def test_layer_keys() -> None:
    wanted = "layers.0.self_attn.q_proj"
    for name in (
        "model.layers",
        "model.language_model.layers",
        "language_model.model.layers",
        "base_model.model.layers",
    ):
        assert layer_key(f"{name}.0.self_attn.q_proj") == wanted
    tower = layer_key("model.vision_tower.encoder.layers.0.self_attn.q_proj")
    assert tower == layer_key("vision_tower.vision_model.encoder.layers.0.self_attn.q_proj") != wanted
