"""RECO's layer learns on a memory where neighbours know better than the query."""

import numpy as np

from foveate.retrievers.encoders.head import unit
from foveate.retrievers.encoders.refining import DIRECTIONS, Memory
from foveate.retrievers.training.reco import fit


def families(seed: int, count: int = 24, each: int = 4, dim: int = 32) -> Memory:
    """Pictures of one thing are alike, and say next to nothing about its text."""
    rng = np.random.default_rng(seed)
    things, texts = rng.normal(size=(count, dim)), rng.normal(size=(count, dim))
    images = np.repeat(things, each, axis=0) + 0.3 * rng.normal(size=(count * each, dim))
    return Memory(images=unit(images.astype(np.float32)), texts=unit(np.repeat(texts, each, axis=0).astype(np.float32)))


def test_it_starts_as_attention_by_cosine_and_learns() -> None:
    memory = families(0)
    start = fit(memory, "f", k=4, rank=4, steps=0)
    learnt = fit(memory, "f", k=4, rank=4, steps=100, batch=48)
    assert not start.tensors["image.key"].any() and not start.tensors["image.out"].any()
    assert learnt.tensors["image.out"].any() and learnt.fingerprint == "f"
    # Each query's own row is out of the memory.
    others = Memory(images=memory.images[1::2], texts=memory.texts[1::2])
    queries = memory.images[::2]
    wanted = np.arange(len(queries)) // 2
    shares = [
        float(((rows @ others.texts.T).argmax(axis=1) // 2 == wanted).mean())
        for rows in (queries, start.refine(queries, others, "image"), learnt.refine(queries, others, "image"))
    ]
    # Three seeds gave 0.0 to 0.06 alone, 0.35 to 0.65 by cosine, and 0.98 to 1.0 learnt.
    assert shares[0] < 0.2 < shares[1] < 0.9 < shares[2]


def test_the_same_seed_gives_the_same_layer() -> None:
    memory = families(1, count=8)
    first, again = (fit(memory, "f", k=2, rank=2, steps=3, batch=8, seed=5) for _ in range(2))
    assert all(np.array_equal(first.tensors[name], again.tensors[name]) for name in first.tensors)
    assert {name.partition(".")[0] for name in first.tensors} == set(DIRECTIONS)
