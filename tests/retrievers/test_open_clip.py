"""OpenClipEncoder pinned against open_clip itself, on a tiny randomly initialised CLIP."""

import builtins
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.retrievers.encoders.open_clip import OpenClipEncoder
from foveate.retrievers.encoders.presets import load_encoder
from tests.contracts.encoder import TEXTS, EncoderContract, picture

open_clip = pytest.importorskip("open_clip")
torch = pytest.importorskip("torch")

TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="module", autouse=True)
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("configs")
    (folder / "tiny-test.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, tiny_config: None) -> Path:
    from safetensors.torch import save_file

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(open_clip.create_model("tiny-test").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def encoder(weights: Path) -> OpenClipEncoder:
    return OpenClipEncoder("tiny-test", weights)


class TestContract(EncoderContract):
    pass


def test_equals_open_clips_own_output(encoder: OpenClipEncoder, weights: Path) -> None:
    model, _, preprocess = open_clip.create_model_and_transforms("tiny-test", pretrained=str(weights))
    model.eval()
    images = [picture(i) for i in range(3)]
    with torch.inference_mode():
        theirs_text = model.encode_text(open_clip.get_tokenizer("tiny-test")(list(TEXTS)), normalize=True)
        theirs_image = model.encode_image(torch.stack([preprocess(image) for image in images]), normalize=True)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), theirs_text.numpy(), atol=1e-5)
    np.testing.assert_allclose(encoder.encode_images(images), theirs_image.numpy(), atol=1e-5)


def test_fingerprint_follows_the_weights(encoder: OpenClipEncoder, weights: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    assert OpenClipEncoder("tiny-test", weights).fingerprint == encoder.fingerprint
    state = load_file(weights)
    state["logit_scale"] = state["logit_scale"] + 1.0
    save_file(state, tmp_path / "other.safetensors")
    assert OpenClipEncoder("tiny-test", tmp_path / "other.safetensors").fingerprint != encoder.fingerprint


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("unpickled-marker"),))


def test_a_pickle_with_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _Bomb()}, tmp_path / "bad.pt")
    with pytest.raises(ModelError):
        OpenClipEncoder("tiny-test", tmp_path / "bad.pt")
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError):
        OpenClipEncoder("tiny-test", tmp_path / "raw.pt")
    assert not (tmp_path / "unpickled-marker").exists()


def test_unknown_names_list_the_choices() -> None:
    with pytest.raises(CallerError, match="ViT-B-32"):
        OpenClipEncoder("no-such-model")
    with pytest.raises(CallerError, match="laion2b_s34b_b79k"):
        load_encoder("open_clip:ViT-B-32/no_such_tag")
    with pytest.raises(CallerError, match="'mini'"):
        load_encoder("no-such-encoder")
    with pytest.raises(CallerError, match="no model and tag"):
        load_encoder("open_clip:ViT-B-32")


def test_preset_takes_a_weights_file(encoder: OpenClipEncoder, weights: Path) -> None:
    assert load_encoder(f"open_clip:tiny-test/{weights}").fingerprint == encoder.fingerprint


def test_absent_package_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "open_clip":
            raise ImportError(name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtraMissing, match=r"pip install 'foveate\[hub\]'"):
        OpenClipEncoder("tiny-test")


def test_tags_come_from_the_vocabulary(weights: Path) -> None:
    small = OpenClipEncoder("tiny-test", weights, vocabulary=("boat", "tree"))
    (tags,) = small.tag_images([Image.new("RGB", (40, 40), (200, 0, 0))], k=5)
    assert {word for word, _ in tags} == {"boat", "tree"}
    assert sum(share for _, share in tags) == pytest.approx(1.0, abs=1e-5)
