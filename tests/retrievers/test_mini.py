"""The mini encoder over its real networks and its shipped head."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from foveate import models
from foveate.errors import CallerError, ModelError, ModelMissing
from foveate.retrievers.encoders.backbones import EfficientNetLite0, square
from foveate.retrievers.encoders.head import MiniHead
from foveate.retrievers.encoders.mini import HEAD, MiniEncoder
from foveate.retrievers.encoders.presets import load_encoder
from tests.contracts.encoder import TEXTS, EncoderContract, picture


@pytest.fixture(scope="module")
def encoder() -> MiniEncoder:
    models.get("mini")
    return MiniEncoder()


class TestContract(EncoderContract):
    pass


def test_is_the_preset(encoder: MiniEncoder) -> None:
    other = load_encoder("mini")
    assert (other.name, other.fingerprint, other.dim) == ("mini", encoder.fingerprint, encoder.dim)
    assert encoder.dim <= 1600


def test_another_head_has_another_fingerprint(encoder: MiniEncoder, tmp_path: Path) -> None:
    head = MiniHead.load(HEAD)
    changed = MiniHead(
        tensors=head.tensors, settings={**head.settings, "text_t": 0.06}, words=head.words, version=head.version
    )
    changed.save(tmp_path / "head.safetensors")
    assert MiniEncoder(head=tmp_path / "head.safetensors").fingerprint != encoder.fingerprint


def test_head_is_small_and_survives_saving(tmp_path: Path) -> None:
    assert HEAD.stat().st_size <= 4_000_000
    head = MiniHead.load(HEAD)
    head.save(tmp_path / "again.safetensors")
    again = MiniHead.load(tmp_path / "again.safetensors")
    assert again.settings == head.settings and again.words == head.words
    for name, value in head.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value)


def test_a_transposed_tensor_is_saved_as_it_reads(tmp_path: Path) -> None:
    head = MiniHead.load(HEAD)
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    MiniHead(tensors={"x": turned}, settings={}, words=(), version="t").save(tmp_path / "t.safetensors")
    np.testing.assert_array_equal(MiniHead.load(tmp_path / "t.safetensors").tensors["x"], turned)
    assert head.tensors["hidden"].shape[0] == 1280


def test_a_file_that_is_no_head_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"not a head")
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        MiniHead.load(tmp_path / "x.safetensors")
    with pytest.raises(ModelError):
        MiniHead.load(tmp_path / "absent.safetensors")


def test_missing_networks_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_MODELS_DIR", str(tmp_path))
    with pytest.raises(ModelMissing, match="foveate models get mini"):
        MiniEncoder()


def test_text_similarities_stay_those_of_minilm(encoder: MiniEncoder) -> None:
    texts = [*TEXTS, "a puppy", "a kitten", "snowy peaks", "a mug of tea", "a rowing boat", "tax law", "a hound"]
    upper = np.triu_indices(len(texts), 1)
    plain, ours = encoder.encode_minilm(texts), encoder.encode_text(texts)
    ranks = [np.argsort(np.argsort((rows @ rows.T)[upper])) for rows in (plain, ours)]
    assert np.corrcoef(ranks)[0, 1] > 0.95  # Spearman


def test_minilm_equals_the_published_examples(encoder: MiniEncoder) -> None:
    # Similarities of sentence-transformers' documentation for all-MiniLM-L6-v2.
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    rows = encoder.encode_minilm(texts)
    found = rows @ rows.T
    assert found[0, 1] == pytest.approx(0.6660, abs=1e-3)
    assert found[0, 2] == pytest.approx(0.1046, abs=1e-3)
    assert found[1, 2] == pytest.approx(0.1411, abs=1e-3)


def test_folded_network_equals_timms(encoder: MiniEncoder) -> None:
    import timm
    import torch
    from safetensors.torch import load_file

    weights = models.path("mini") / "efficientnet_lite0.safetensors"
    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    plain.load_state_dict(load_file(weights))
    images = [picture(i) for i in range(2)]
    pixels = torch.from_numpy(np.stack([square(image) for image in images])).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = plain((pixels.float() - 127.0) / 128.0).numpy()
    network = EfficientNetLite0(weights)
    found = network.features(images) @ network.classifier.T + network.bias
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_padding_keeps_the_whole_picture() -> None:
    tall = Image.new("RGB", (10, 100), (0, 0, 0))
    pixels = square(tall, 50)
    assert pixels.shape == (50, 50, 3)
    assert (pixels[:, 25] < 30).all() and (pixels[:, :20] == 255).all()


def test_sixteen_bit_greys_keep_their_tones() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = square(Image.fromarray(ramp), 64)
    assert 100 < pixels.mean() < 155


def test_pictures_find_their_words(encoder: MiniEncoder) -> None:
    banana = Image.new("RGB", (200, 200), (255, 255, 255))
    ImageDraw.Draw(banana).arc((20, -60, 180, 150), 20, 160, fill=(250, 220, 40), width=40)
    ball = Image.new("RGB", (200, 200), (40, 140, 60))
    ImageDraw.Draw(ball).ellipse((60, 60, 140, 140), fill=(250, 250, 250), outline=(20, 20, 20), width=4)
    rows = encoder.encode_images([banana, ball])
    words = encoder.encode_text(["a yellow banana", "a ball on the grass"])
    scores = words @ rows.T
    assert scores[0, 0] > scores[0, 1]


def test_tags_need_a_positive_k(encoder: MiniEncoder) -> None:
    with pytest.raises(CallerError, match="at least 1"):
        encoder.tag_images([picture(0)], k=0)


def test_tags_are_probable_or_absent(encoder: MiniEncoder) -> None:
    pictures = [picture(i) for i in range(6)]
    for tags in encoder.tag_images(pictures):
        assert len(tags) <= 5
        shares = [share for _, share in tags]
        assert shares == sorted(shares, reverse=True) and sum(shares) <= 1 + 1e-6
        assert all(share >= MiniHead.load(HEAD).settings["tag_min"] for share in shares)


def test_unlikely_tags_are_left_out() -> None:
    head = MiniHead(
        tensors={"word_mean": np.zeros(2, np.float32), "word_std": np.ones(2, np.float32)},
        settings={"tag_t": 0.1, "tag_min": 0.6},
        words=("cup", "dog"),
        version="t",
    )
    words = np.eye(2, dtype=np.float32)
    ((sure,), unsure) = head.tags(np.array([[0, 1], [0.7, 0.7]], np.float32), words, 5)
    assert sure[0] == "dog" and sure[1] > 0.99
    assert unsure == []


def test_tags_favour_no_word_that_suits_every_picture() -> None:
    head = MiniHead(
        tensors={"word_mean": np.array([0.8, 0.1], np.float32), "word_std": np.full(2, 0.1, np.float32)},
        settings={"tag_t": 1.0, "tag_min": 0.0},
        words=("thing", "dog"),
        version="t",
    )
    ((best, _),) = head.tags(np.array([[0.8, 0.6]], np.float32), np.eye(2, dtype=np.float32), 2)
    assert best[0] == "dog"


def test_loading_and_encoding_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    before = (logging.is_progress_bar_enabled(), logging.get_verbosity())
    fresh = MiniEncoder()
    fresh.encode_text(["a boat"])
    fresh.tag_images([picture(0)])
    assert capfd.readouterr() == ("", "")
    assert (logging.is_progress_bar_enabled(), logging.get_verbosity()) == before
