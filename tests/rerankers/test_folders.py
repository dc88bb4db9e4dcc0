"""No folder gets to run code."""

import json
import shutil
from pathlib import Path

import pytest

from foveate.errors import CallerError, ModelError, ModelMissing
from foveate.rerankers.folders import check_folder
from foveate.rerankers.local import LocalChat


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def test_good(folder: Path) -> None:
    check_folder(folder)
    (folder / "old.bin").write_bytes(b"beside safetensors it is never read")
    check_folder(folder)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no model folder"):
        LocalChat(tmp_path / "none")
    with pytest.raises(ModelError, match=r"no config\.json"):
        LocalChat(tmp_path)


def test_never_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_MODELS_DIR", str(tmp_path))
    with pytest.raises(ModelMissing, match="models get smollm2"):
        LocalChat()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.ckpt"])
def test_pickles_only(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=name):
        LocalChat(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "processor_config.json"])
@pytest.mark.parametrize("inside", [False, True])
def test_auto_map(folder: Path, name: str, inside: bool) -> None:
    file = folder / name
    config = json.loads(file.read_text()) if file.exists() else {}
    asked = {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    file.write_text(json.dumps({**config, **({"text_config": [asked]} if inside else asked)}))
    with pytest.raises(ModelError, match=f"{name}.*auto_map"):
        LocalChat(folder)


def test_adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/etc"}')
    with pytest.raises(ModelError, match=r"adapter_config\.json"):
        LocalChat(folder)


@pytest.mark.parametrize("name", ["config.json", "generation_config.json"])
@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_bad_json(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ModelError, match=name):
        LocalChat(folder)


@pytest.mark.parametrize("length", [0, 2**63, 10_000_001, 2**40])
def test_bad_header(folder: Path, length: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(length.to_bytes(8, "little") + file.read_bytes()[8:])
    with pytest.raises(ModelError, match=r"model\.safetensors.*damaged"):
        LocalChat(folder)
