"""Train RECO's layer for ``mini``: ``python -m foveate.retrievers.training.reco --out FILE``.

Captioned clip art, furniture and emoji whose features lie in the cache (``described``); the encoder stays as it is. A
batch's queries are pictures; refined by the memory without themselves they must find their own caption among those of
the batch, and refined captions their picture (InfoNCE, both ways). Concepts that validate the encoder are left out.

The text of a picture is compared with what sets the picture apart from all pictures, as in search: picture vectors are
taken less their mean throughout.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray

from foveate.retrievers.encoders.head import unit
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.encoders.refining import DIRECTIONS, Direction, Memory, Refiner
from foveate.retrievers.training.described import gather
from foveate.retrievers.training.mini_head import held_out

__all__ = ["fit", "main"]

Array = NDArray[np.float32]
_LOG = logging.getLogger(__name__)
_SOURCES = ("openclipart", "furniture", "emoji")
_T = 0.03
_START = {"scale": 30.0, "null": 27.0, "gain": 0.5}


def fit(
    memory: Memory, fingerprint: str, *, k: int = 8, rank: int = 16, steps: int = 150, batch: int = 128, seed: int = 0
) -> Refiner:
    """A layer trained on a memory's own rows, each looked up among the others.

    Args:
        memory: pictures less their mean, and texts.
        fingerprint: of the encoder.
        k: neighbours.
        rank: of the projections.
        steps: of Adam.
        batch: queries a step.
        seed: of draws and first weights.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {side: _start(memory.images.shape[1], rank, generator) for side in DIRECTIONS}
    flat = [tensor for part in tensors.values() for tensor in part.values()]
    optimizer = torch.optim.Adam(flat, lr=2e-3)
    rng = np.random.default_rng(seed)
    for step in range(steps):
        rows = rng.choice(len(memory.images), min(batch, len(memory.images)), replace=False)
        loss = torch.stack([_loss(memory, rows, side, tensors[side], k) for side in DIRECTIONS]).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 25 == 0:
            _LOG.info("step %d: loss %.3f", step, loss.item())
    kept = {
        f"{side}.{name}": tensor.detach().numpy() for side, part in tensors.items() for name, tensor in part.items()
    }
    return Refiner(tensors=kept, fingerprint=fingerprint, k=k)


def _start(dim: int, rank: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Attention by cosine alone: ``key`` and ``out`` are zero, hence so is what they multiply."""
    part = {
        "query": torch.randn(dim, rank, generator=generator) * 0.1,
        "key": torch.zeros(dim, rank),
        "value": torch.randn(dim, rank, generator=generator) * 0.1,
        "out": torch.zeros(rank, dim),
    } | {name: torch.tensor([value]) for name, value in _START.items()}
    return {name: tensor.requires_grad_() for name, tensor in part.items()}


def _loss(
    memory: Memory, rows: NDArray[np.intp], side: Direction, part: dict[str, torch.Tensor], k: int
) -> torch.Tensor:
    own, other = (memory.images, memory.texts) if side == "image" else (memory.texts, memory.images)
    places, cosines = memory.neighbours(own[rows], side, k + 1)
    # A query is in its own memory: the row itself goes, or the last one where equal rows stand before it.
    keep = places != rows[:, None]
    keep[keep.all(axis=1), -1] = False
    places, cosines = places[keep].reshape(len(rows), -1), cosines[keep].reshape(len(rows), -1)
    queries, others = torch.from_numpy(own[rows]), torch.from_numpy(other[places])
    match = torch.einsum("nr,nkr->nk", queries @ part["query"], others @ part["key"])
    logits = torch.cat([part["null"].expand(len(rows), 1), part["scale"] * torch.from_numpy(cosines) + match], dim=1)
    said = torch.einsum("nk,nkd->nd", logits.softmax(dim=1)[:, 1:], others)
    refined = queries + part["gain"] * said + said @ part["value"] @ part["out"]
    scores = torch.nn.functional.normalize(refined, dim=1) @ torch.from_numpy(other[rows]).T / _T  # (n, n)
    wanted = torch.arange(len(rows))
    return (torch.nn.functional.cross_entropy(scores, wanted) + torch.nn.functional.cross_entropy(scores.T, wanted)) / 2


def memory_of(encoder: MiniEncoder, cache: Path, limit: int, seed: int) -> Memory:
    """Training pictures less their mean, with the texts of their titles."""
    parts = [gather(source, cache, encoder) for source in _SOURCES]
    said = [(row[0], concept) for part in parts for row, concept in zip(part.captions, part.concepts, strict=True)]
    features = np.concatenate([part.features for part in parts])
    kept = np.flatnonzero([not held_out(concept) for _, concept in said])
    kept = np.random.default_rng(seed).permutation(kept)[:limit]
    images = encoder.from_features(features[kept])
    mean = encoder.picture_mean
    texts = encoder.encode_text([said[i][0] for i in kept])
    return Memory(images=images if mean is None else unit(images - mean), texts=texts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Gather, train, write."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Train RECO's layer for the mini encoder.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--limit", type=int, default=6000, help="pictures in the memory")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    encoder = MiniEncoder()
    memory = memory_of(encoder, options.cache, options.limit, options.seed)
    fit(memory, encoder.fingerprint, steps=options.steps, seed=options.seed).save(options.out)


if __name__ == "__main__":
    main()
