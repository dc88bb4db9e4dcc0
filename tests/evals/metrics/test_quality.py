import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchmetrics.functional.multimodal import clip_iqa

from foveate.errors import CallerError
from foveate.evals.metrics.quality import PROMPTS, antonym_shares, picture_quality
from tests.evals.metrics.tiny_clip import SIZE, TinyEncoder, tiny


def drawn(seed: int, *shape: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def images(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(2)
    return [Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)) for _ in range(count)]


def test_prompts_are_those_of_torchmetrics() -> None:
    # It writes one of them with a double l.
    theirs = {name.replace("colorfull", "colorful"): pair for name, pair in clip_iqa._PROMPTS.items()}
    assert dict(PROMPTS) == theirs
    assert len(PROMPTS) == 16


def test_shares_are_those_of_torchmetrics_on_random_features() -> None:
    pictures, positive, negative = drawn(0, 20, 12), drawn(1, 16, 12), drawn(2, 16, 12)
    # torchmetrics wants the prompts of a pair beside each other.
    anchors = torch.from_numpy(np.stack([positive, negative], axis=1).reshape(32, 12).astype(np.float64))
    theirs = clip_iqa._clip_iqa_compute(
        torch.from_numpy(pictures.astype(np.float64)), anchors, list(PROMPTS), format_as_dict=False
    )
    assert antonym_shares(pictures, positive, negative) == pytest.approx(theirs.numpy(), abs=1e-9)


def test_whole_measure_is_that_of_torchmetrics_with_a_tiny_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_iqa, "_get_clip_iqa_model_and_processor", lambda name: tiny())
    pictures = images(4)
    pixels = torch.from_numpy(np.stack([np.asarray(i).transpose(2, 0, 1) for i in pictures])).float()
    names = ("quality", "sharpness", "lonely")
    theirs = clip_iqa.clip_image_quality_assessment(
        pixels, model_name_or_path="openai/clip-vit-base-patch16", prompts=names
    )
    ours = picture_quality(TinyEncoder(), pictures, names)
    for name in names:
        # 100 times a difference of float32 cosines.
        assert ours[name] == pytest.approx(theirs[name].numpy(), abs=2e-4)
        assert np.ptp(ours[name]) > 1e-3


def test_by_hand() -> None:
    pictures = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    positive, negative = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    shares = antonym_shares(pictures, positive, negative, temperature=1.0)
    assert shares[:, 0] == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
    # Far from 0 nothing overflows.
    assert antonym_shares(pictures, positive, negative, temperature=1e-6)[:, 0] == pytest.approx([1.0, 0.0])


@given(st.integers(0, 99))
def test_opposites_share_one_and_order_does_not_matter(seed: int) -> None:
    pictures, positive, negative = drawn(seed, 5, 6), drawn(seed + 100, 3, 6), drawn(seed + 200, 3, 6)
    shares = antonym_shares(pictures, positive, negative)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares + antonym_shares(pictures, negative, positive) == pytest.approx(np.ones((5, 3)))
    assert antonym_shares(pictures, positive, positive) == pytest.approx(np.full((5, 3), 0.5))
    assert antonym_shares(pictures[::-1], positive, negative)[::-1] == pytest.approx(shares)


def test_names_and_shapes() -> None:
    found = picture_quality(TinyEncoder(), images(2))
    assert list(found) == list(PROMPTS)
    assert all(values.shape == (2,) for values in found.values())
    assert picture_quality(TinyEncoder(), [], ("happy",))["happy"].shape == (0,)
    assert picture_quality(TinyEncoder(), images(1), ()) == {}
    with pytest.raises(CallerError, match=r"'shiny' is none of: quality, brightness.*relaxing"):
        picture_quality(TinyEncoder(), images(1), ("quality", "shiny"))
