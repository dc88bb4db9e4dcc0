"""Batches side by side: all done, in order, on one core each, and torch's own setting is left alone."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from foveate.retrievers.encoders.workers import Workers


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@given(st.integers(1, 500), st.integers(1, 64))
def test_shares_cover_all_and_leave_nobody_idle(count: int, most: int) -> None:
    share = Workers().share(count, most)
    parts = -(-count // share)
    assert 1 <= share <= most
    assert parts >= min(count, torch.get_num_threads())


def test_order_and_threads() -> None:
    workers = Workers()
    seen: list[tuple[str, int]] = []

    def work(number: int) -> int:
        seen.append((threading.current_thread().name, torch.get_num_threads()))
        return number * 2

    assert workers.map(work, list(range(40))) == [number * 2 for number in range(40)]
    assert {threads for _, threads in seen} == {1}
    assert all(name.startswith("foveate-encoder") for name, _ in seen)
    assert torch.get_num_threads() == 2


def test_one_part_is_done_here_with_all_threads() -> None:
    assert Workers().map(lambda _: (threading.current_thread(), torch.get_num_threads()), [0]) == [
        (threading.current_thread(), 2)
    ]
    assert Workers().map(str, []) == []


def test_with_one_thread_nothing_is_started() -> None:
    torch.set_num_threads(1)
    assert Workers().map(lambda _: threading.current_thread(), [0, 1, 2]) == [threading.current_thread()] * 3


def test_an_error_reaches_the_caller() -> None:
    workers = Workers()
    with pytest.raises(ZeroDivisionError):
        workers.map(lambda number: 1 // number, [1, 0, 2])
    assert workers.map(str, [1, 2]) == ["1", "2"]


def test_the_same_features_whoever_makes_them() -> None:
    from foveate import models
    from foveate.errors import ModelMissing
    from foveate.retrievers.encoders.backbones import EfficientNetLite0

    try:
        weights = models.path("mini") / "efficientnet_lite0.safetensors"
    except ModelMissing as error:
        pytest.skip(str(error))
    network = EfficientNetLite0(weights)
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(37)]
    shared = network.features([*pictures, pictures[0]])
    torch.set_num_threads(1)
    np.testing.assert_allclose(shared, network.features([*pictures, pictures[0]]), atol=1e-4)
    np.testing.assert_allclose(shared[0], shared[-1], atol=1e-4)
    assert network.features([]).shape == (0, 1280)
