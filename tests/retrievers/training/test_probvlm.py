import numpy as np
import pytest
import torch
from scipy import stats

from foveate.retrievers.geometry.probabilistic import MatchUncertainty
from foveate.retrievers.training.mini_head import held_out
from foveate.retrievers.training.probvlm import Adapter, Pairs, hits, measured, shared_space, split, surprise, train


def pairs(count: int = 600, seed: int = 0) -> Pairs:
    """Texts that match pictures closely where their first coordinate is positive, loosely elsewhere."""
    rng = np.random.default_rng(seed)
    turn = np.random.default_rng(99).normal(size=(2, 6, 12))
    truth = rng.normal(size=(count, 6))
    loose = np.where(truth[:, :1] > 0, 0.1, 1.5)
    images = truth + loose * rng.normal(size=truth.shape)
    made = [(rows @ basis + 3.0).astype(np.float32) for rows, basis in zip((truth, images), turn, strict=True)]
    return Pairs(texts=made[0], images=made[1], links=np.stack([np.arange(count)] * 2, axis=1))


def test_surprise_is_scipys() -> None:
    rng = np.random.default_rng(0)
    mean, scale, shape, rows = (torch.tensor(rng.uniform(0.6, 3.0, size=(5, 4))) for _ in range(4))
    expected = -stats.gennorm.logpdf(rows, shape, loc=mean, scale=scale).mean()
    assert float(surprise((mean, scale, shape), rows)) == pytest.approx(expected)


def test_shared_space_lays_pairs_together() -> None:
    part = pairs()
    space = shared_space(part.texts.astype(float), part.images.astype(float), 4)
    texts, images = (
        (rows - space[f"{side}.mean"]) @ space[f"{side}.projection"]
        for side, rows in (("text", part.texts), ("image", part.images))
    )
    assert texts.std(axis=0) == pytest.approx(np.ones(4), rel=1e-6)
    matched = (texts * images).mean(axis=0)
    assert (matched > 0.3).all()
    # The covariance that the first axes hold is the first singular value's.
    off = [rows - rows.mean(axis=0) for rows in (part.texts.astype(float), part.images.astype(float))]
    top = np.linalg.svd(off[0].T @ off[1] / len(off[0]), compute_uv=False)[0]
    axes = [space[f"{side}.projection"][:, 0] for side in ("text", "image")]
    held = [axis / np.linalg.norm(axis) for axis in axes]
    assert ((off[0] @ held[0]) * (off[1] @ held[1])).mean() == pytest.approx(top, rel=1e-6)


def test_training_learns_where_matches_are_loose() -> None:
    part, dev, fresh = pairs(), pairs(200, 1), pairs(400, 2)
    space = shared_space(part.texts.astype(float), part.images.astype(float), 6)
    tensors = train(space, part, dev, hidden=16, epochs=60, seed=0, rate=1e-2)
    found = MatchUncertainty(tensors=tensors, encoder="x")
    _, scale, shape = found.distribution(fresh.texts, "text")
    basis = np.random.default_rng(99).normal(size=(2, 6, 12))[0]
    first = ((fresh.texts - 3.0) @ np.linalg.pinv(basis))[:, 0]
    spread = stats.gennorm.var(shape, scale=scale).mean(axis=1)
    assert spread[first > 0.3].mean() < 0.6 * spread[first < -0.3].mean()
    # What NumPy computes at run time is what was trained.
    net = Adapter(6, 16).eval()
    state = {f"{layer}.weight": tensors[f"text.{layer}"].T for layer in ("hidden", "out")}
    state |= {f"{layer}.bias": tensors[f"text.{layer}_bias"] for layer in ("hidden", "out")}
    net.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    inner = torch.tensor(((fresh.texts - tensors["text.mean"]) @ tensors["text.projection"]).astype(np.float32))
    with torch.no_grad():
        assert net(inner)[1].numpy() == pytest.approx(scale, rel=1e-4, abs=1e-5)


def test_hits_by_hand() -> None:
    eye = np.eye(3, dtype=np.float32)
    part = Pairs(texts=eye[[0, 1]], images=eye[[0, 2, 1]], links=np.array([[0, 0], [0, 1], [1, 1], [1, 2]]))
    found = hits(part)
    assert found["any"].tolist() == [True, True]
    assert found["own"].tolist() == [True, False, False, True]
    assert found["named"].tolist() == [True, True, True]


def test_measures_have_the_lengths_of_what_they_count() -> None:
    part = pairs(40)
    space = shared_space(part.texts.astype(float), part.images.astype(float), 4)
    found = MatchUncertainty(tensors=train(space, part, part, hidden=4, epochs=1, seed=0), encoder="x")
    told = measured(found, part)
    assert set(told) == {"any", "own", "named"}
    assert np.mean(told["own"].recalls) == pytest.approx(hits(part)["own"].mean())


def test_what_the_head_never_saw_is_tested_on() -> None:
    names = [f"emoji|{i}" for i in range(2000)] + ["gcompris|cat"]
    for name in names:
        assert (split(name) == "test") == held_out(name)
    shares = [np.mean([split(name) == side for name in names]) for side in ("train", "dev", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
