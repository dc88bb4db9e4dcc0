"""RECO's layer by hand, on disk, and on what does not fit."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from foveate.errors import CallerError, ModelError
from foveate.retrievers.encoders.head import unit
from foveate.retrievers.encoders.refining import DIRECTIONS, Memory, Refiner


def layer(
    dim: int = 2, rank: int = 1, *, null: float = 0.0, gain: float = 1.0, scale: float = 0.0, k: int = 2
) -> Refiner:
    """Without projections: attention by cosine alone."""
    tensors = {}
    for side in DIRECTIONS:
        tensors |= {f"{side}.{name}": np.zeros((dim, rank), np.float32) for name in ("query", "key", "value")}
        tensors[f"{side}.out"] = np.zeros((rank, dim), np.float32)
        for name, value in (("scale", scale), ("null", null), ("gain", 1.0)):
            tensors[f"{side}.{name}"] = np.array([value], np.float32)
    return Refiner(tensors=tensors, fingerprint="f", k=k)


ROWS = np.array([[1.0, 0.0]], np.float32)
MEMORY = Memory(images=np.array([[1, 0], [0, 1]], np.float32), texts=np.array([[0, 1], [1, 0]], np.float32))


def test_by_hand() -> None:
    # Neighbours (cosines 1 and 0) and the null place; scale ln 2 makes weights 2, 1 and 1 of 4.
    refined = layer(scale=math.log(2.0)).refine(ROWS, MEMORY, "image")
    expected = np.array([1.0, 0.0]) + 0.5 * np.array([0.0, 1.0]) + 0.25 * np.array([1.0, 0.0])
    np.testing.assert_allclose(refined[0], expected / np.linalg.norm(expected), rtol=1e-6)


def test_projections_by_hand() -> None:
    made = layer(k=1)
    tensors = dict(made.tensors)
    tensors |= {
        "image.query": np.array([[2.0], [0.0]], np.float32),
        "image.key": np.array([[0.0], [0.5]], np.float32),  # match = 2 * 0.5 = 1 with text (0, 1)
        "image.value": np.array([[0.0], [3.0]], np.float32),
        "image.out": np.array([[1.0, 1.0]], np.float32),
    }
    refined = Refiner(tensors=tensors, fingerprint="f", k=1).refine(ROWS, MEMORY, "image")
    share = math.e / (math.e + 1.0)
    expected = np.array([1.0, 0.0]) + share * np.array([0.0, 1.0]) + 3.0 * share * np.array([1.0, 1.0])
    np.testing.assert_allclose(refined[0], expected / np.linalg.norm(expected), rtol=1e-6)


def test_text_queries_find_texts_and_take_pictures() -> None:
    memory = Memory(images=np.array([[0, 1], [0, 1]], np.float32), texts=np.array([[1, 0], [-1, 0]], np.float32))
    refined = layer(k=1, null=-50.0).refine(ROWS, memory, "text")
    np.testing.assert_allclose(refined[0], [math.sqrt(0.5)] * 2, rtol=1e-6)


def test_the_null_place_leaves_a_query_alone() -> None:
    np.testing.assert_allclose(layer(null=80.0).refine(ROWS, MEMORY, "image"), ROWS, atol=1e-6)


def test_an_empty_memory_and_no_query() -> None:
    empty = Memory(images=np.zeros((0, 2), np.float32), texts=np.zeros((0, 2), np.float32))
    assert layer().refine(ROWS, empty, "image") is ROWS
    assert layer().refine(ROWS[:0], MEMORY, "text").shape == (0, 2)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(range(6)))
def test_unit_rows_whatever_the_order_of_the_memory(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    made = layer(4, 2, scale=3.0, k=3)
    tensors = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in made.tensors.items()}
    random = Refiner(tensors=tensors, fingerprint="f", k=3)
    rows, images, texts = (unit(rng.normal(size=(6, 4)).astype(np.float32)) for _ in range(3))
    refined = random.refine(rows, Memory(images=images, texts=texts), "image")
    np.testing.assert_allclose(np.linalg.norm(refined, axis=1), 1.0, rtol=1e-5)
    shuffled = random.refine(rows, Memory(images=images[order], texts=texts[order]), "image")
    np.testing.assert_allclose(shuffled, refined, atol=1e-4)


def test_what_does_not_fit() -> None:
    with pytest.raises(CallerError, match="do not fit width 2"):
        layer().refine(np.zeros((1, 3), np.float32), MEMORY, "image")
    with pytest.raises(CallerError, match="must be alike"):
        Memory(images=np.zeros((2, 2), np.float32), texts=np.zeros((1, 2), np.float32))


def test_on_disk(tmp_path: Path) -> None:
    made = layer(scale=math.log(2.0))
    made.save(tmp_path / "layer.safetensors")
    again = Refiner.load(tmp_path / "layer.safetensors", "f")
    assert again.k == 2
    np.testing.assert_allclose(again.refine(ROWS, MEMORY, "image"), made.refine(ROWS, MEMORY, "image"), atol=1e-3)


def test_files_that_are_none(tmp_path: Path) -> None:
    made = layer()
    made.save(tmp_path / "layer.safetensors")
    with pytest.raises(ModelError, match="not of 'other'"):
        Refiner.load(tmp_path / "layer.safetensors", "other")
    with pytest.raises(ModelError, match="no refining layer"):
        Refiner.load(tmp_path / "missing.safetensors", "f")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(ModelError, match="no refining layer"):
        Refiner.load(tmp_path / "junk.safetensors", "f")
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "other.safetensors", metadata={"fingerprint": "f", "k": "2"})
    with pytest.raises(ModelError, match="it lacks"):
        Refiner.load(tmp_path / "other.safetensors", "f")
