"""Training of the mini head's aligned block, on rows small enough to run everywhere."""

import numpy as np
import pytest
import torch

from foveate.retrievers.encoders.backbones import FEATURES, TEXT_DIM
from foveate.retrievers.encoders.head import unit
from foveate.retrievers.training.aligned import Phantoms, Towers, fold, sentence, train


def rows(count: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def test_a_title_becomes_a_sentence() -> None:
    assert [sentence(text) for text in ("boat", "apple ", "red cup.")] == ["A boat.", "An apple.", "A red cup."]


def test_folded_towers_score_as_their_mean() -> None:
    torch.manual_seed(0)
    members = [Towers(64, 64).eval() for _ in range(2)]
    features, texts = rows(40, FEATURES), unit(rows(30, TEXT_DIM, 1))
    folded = fold(members, features, texts, width=128)
    raised = torch.nn.functional.gelu(
        torch.from_numpy(features @ folded["hidden"] + folded["hidden_bias"]), approximate="tanh"
    )
    seen = unit(raised.numpy() @ folded["image"] + folded["image_bias"])
    found = unit(texts @ folded["text"] + folded["text_bias"]) @ seen.T
    with torch.no_grad():
        pairs = [(member.read(torch.from_numpy(texts)), member.see(torch.from_numpy(features))) for member in members]
    expected = np.mean([(left @ right.T).numpy() for left, right in pairs], axis=0)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98


def test_phantoms_are_of_their_class() -> None:
    features = np.abs(rows(400, 32))
    classifier, bias = rows(5, 32, 2), np.zeros(5, np.float32)
    phantoms = Phantoms(features, classifier, bias)
    drawn = phantoms.draw(np.arange(5), np.random.default_rng(0))
    plain = drawn * (features.std(0) + 1e-3) + features.mean(0)
    own = (plain @ classifier.T + bias).diagonal()
    assert (own > (features @ classifier.T + bias).mean(axis=0)).all()


def test_training_lifts_the_right_pairs() -> None:
    texts = unit(rows(8, TEXT_DIM))
    centres = rows(8, FEATURES, 1)
    features = np.repeat(centres, 20, axis=0) + 0.1 * rows(160, FEATURES, 2)
    names = [f"word{i}" for i in range(8)]
    captions = [(names[i],) for i in range(8) for _ in range(20)]
    vectors = dict(zip(names, texts, strict=True))
    vectors |= {sentence(name): vectors[name] for name in names}
    phantoms = Phantoms(features, rows(4, FEATURES, 3), np.zeros(4, np.float32))
    towers = train(
        features, captions, vectors, np.repeat(unit(rows(4, TEXT_DIM, 4))[:, None], 3, axis=1), phantoms,
        epochs=40, hidden=16, width=8, seed=0, batch=32, share=4,
    )  # fmt: skip
    with torch.no_grad():
        scores = towers(torch.from_numpy(centres), torch.from_numpy(texts)).numpy()
    assert (scores.argmax(axis=1) == np.arange(8)).mean() == pytest.approx(1.0, abs=0.13)
