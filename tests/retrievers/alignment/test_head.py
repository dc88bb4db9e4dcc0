import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from foveate.errors import CallerError, ModelError
from foveate.retrievers.alignment.head import OUTCOMES, WEIGHTS, AlignmentHead
from tests.retrievers.alignment.making import made, tensors


def head(seed: int = 0) -> AlignmentHead:
    return AlignmentHead(tensors=tensors(np.random.default_rng(seed)), encoder="made", encoder_name="made up")


@given(st.integers(1, 6), st.integers(0, 99))
def test_order_of_options_does_not_matter(count: int, seed: int) -> None:
    one = made(count, np.random.default_rng(seed))
    order = np.random.default_rng(seed + 1).permutation(count)
    other = replace(
        one, options=tuple(one.options[at] for at in order), texts=one.texts[order], scalars=one.scalars[order]
    )
    first, second = head(seed)(one), head(seed)(other)
    assert sum(first.values()) == pytest.approx(1.0)
    for name in OUTCOMES:
        assert first[name] == pytest.approx(second[name], abs=1e-9)


def test_by_hand() -> None:
    one, t = made(2, np.random.default_rng(3)), head().tensors
    vectors = [[float(sum(p * t["project"][:, j])) for j in range(3)] for p in one.products()]
    rows = []
    for at in range(2):
        scalars = np.clip((one.scalars[at] - t["option_mean"]) / t["option_sd"], -5, 5)
        given_row = np.array([*scalars, *vectors[1 + at]])
        rows.append(
            [*(math.tanh(float(given_row @ t["layer"][:, j]) + t["layer_bias"][j]) for j in range(5)), *scalars]
        )
    most, mean = np.max(rows, axis=0), np.mean(rows, axis=0)
    seen = np.clip((one.seen - t["seen_mean"]) / t["seen_sd"], -5, 5)
    logits = np.array([*most, *mean, *seen, *vectors[0]]) @ t["out"] + t["out_bias"]
    wanted = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(list(head()(one).values()), wanted, atol=1e-5)


def test_unknown_stays_unknown() -> None:
    one = made(2, np.random.default_rng(0))
    nothing = replace(one, options=(), texts=one.texts[:0], scalars=one.scalars[:0])
    for bare in (replace(one, picture=None), nothing):
        assert all(math.isnan(value) for value in head()(bare).values())
    dim = replace(one, scalars=np.full_like(one.scalars, np.nan), seen=np.full_like(one.seen, np.nan))
    assert all(math.isfinite(value) for value in head()(dim).values())


def test_of_another_encoder() -> None:
    with pytest.raises(CallerError, match=r"trained for encoder 'made up'.*'other'"):
        head()(replace(made(2, np.random.default_rng(0)), encoder="other"))


def test_saved_and_loaded(tmp_path: Path) -> None:
    head().save(tmp_path / "a.safetensors")
    loaded = AlignmentHead.load(tmp_path / "a.safetensors")
    one = made(3, np.random.default_rng(5))
    assert loaded(one) == head()(one) and loaded.encoder_name == "made up"


def test_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="foveate train answerability"):
        AlignmentHead.load(tmp_path / "none.safetensors")
    path = tmp_path / "a.safetensors"
    head().save(path)
    raw = path.read_bytes()
    for broken in (raw[:100], b"", b"not a head", raw[:-4]):
        path.write_bytes(broken)
        with pytest.raises(ModelError, match="is no alignment head"):
            AlignmentHead.load(path)
    for name, wrong in (("layer", np.zeros((2, 5), np.float32)), ("out_bias", np.array([0, np.nan, 0], np.float32))):
        replace(head(), tensors={**head().tensors, name: wrong}).save(path)
        with pytest.raises(ModelError, match=f"{name} h"):
            AlignmentHead.load(path)
    save_file({"a": np.zeros(3, np.float32)}, path)
    with pytest.raises(ModelError, match="head"):
        AlignmentHead.load(path)


def test_shipped() -> None:
    assert AlignmentHead.shipped("nobody's") is None
    for path in WEIGHTS.glob("*.safetensors"):
        shipped = AlignmentHead.load(path)
        assert path.stem == shipped.encoder_name and AlignmentHead.shipped(shipped.encoder) is not None
        assert shipped.encoder in (WEIGHTS / "card.md").read_text(encoding="utf-8")
        assert path.stat().st_size < 200_000
