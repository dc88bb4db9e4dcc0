"""Train the adapter of match uncertainty: ``python -m foveate.retrievers.training.probvlm --help``.

Captioned clip art, furniture and emoji (:mod:`foveate.retrievers.training.captioned`), as vectors of the frozen mini
encoder; concepts are split by hash as for its head, and a tenth of the training concepts chooses the epoch. Stamps of
Tux Paint are read only to leave out training pictures that are among them. The whitening that small collections begin
with is fitted to the same vectors. Measured once, on held-out concepts: recall at 1 in bins of uncertainty.

Legend: n pairs, d dimensions of the encoder, k of the shared space, h hidden units.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.geometry.prior import PRIOR, save_prior
from foveate.retrievers.geometry.probabilistic import ADAPTER, SCALE_MIN, SHAPE_MAX, SHAPE_MIN, MatchUncertainty
from foveate.retrievers.geometry.reliability import Reliability, reliability
from foveate.retrievers.geometry.whitening import Whitening
from foveate.retrievers.training.described import Library, among, gather, joined, stamps
from foveate.retrievers.training.mini_head import held_out

__all__ = ["Adapter", "Pairs", "hits", "measured", "shared_space", "split", "train"]

Array = NDArray[np.float64]
_LOG = logging.getLogger(__name__)
_TRAINED = ("openclipart", "furniture", "emoji")
_BATCH = 512
_INTRA = 0.1
"""Weight of the term that a vector lies in its own distribution, beside the one that its match does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Pictures and captions as vectors, with which belongs to which."""

    texts: NDArray[np.float32]
    """(t, d), one a distinct caption."""
    images: NDArray[np.float32]
    """(m, d)."""
    links: NDArray[np.intp]
    """(n, 2): row of a text, row of a picture."""

    @classmethod
    def of(cls, library: Library, encoder: MiniEncoder) -> "Pairs":
        """All captions of a library, encoded."""
        captions = sorted(library.by_caption)
        at = {caption: i for i, caption in enumerate(captions)}
        links = [(at[c], row) for row, said in enumerate(library.captions) for c in dict.fromkeys(said)]
        images = encoder.from_features(library.features)
        return cls(texts=encoder.encode_text(captions), images=images, links=np.array(links, np.intp).reshape(-1, 2))


def split(concept: str) -> str:
    """``test`` for what also the encoder's head never trained on, ``dev`` chooses the epoch, else ``train``."""
    if held_out(concept):
        return "test"
    return "dev" if int(hashlib.sha256(concept.encode()).hexdigest(), 16) % 10 == 1 else "train"


def shared_space(texts: Array, images: Array, width: int) -> dict[str, Array]:
    """Means and projections to a space where pairs, (n, d) and (n, d), covary most, of variance 1 a dimension.

    Singular vectors of the cross-covariance (Bookstein's partial least squares): the gap between the modalities goes
    with the means, and what no match depends on is left out.
    """
    means = {"text": texts.mean(axis=0), "image": images.mean(axis=0)}
    covariance = (texts - means["text"]).T @ (images - means["image"]) / len(texts)
    left, _, right = _leading(covariance, width)
    found: dict[str, Array] = {}
    for side, rows, axes in (("text", texts, left), ("image", images, right)):
        inner = (rows - means[side]) @ axes
        found |= {f"{side}.mean": means[side], f"{side}.projection": axes / inner.std(axis=0)}
    return found


def _leading(matrix: Array, width: int) -> tuple[Array, Array, Array]:
    """The first singular vectors, by subspace iteration: a whole decomposition of 1,600 x 1,600 takes half a minute."""
    block = np.random.default_rng(0).normal(size=(matrix.shape[1], width + 16))
    for _ in range(6):
        block, _ = np.linalg.qr(matrix.T @ (matrix @ block))
    left, values, right = np.linalg.svd(matrix @ block, full_matrices=False)
    return left[:, :width], values[:width], (block @ right.T)[:, :width]


class Adapter(nn.Module):
    """k -> h -> shift of the mean, scale and shape; begins at the vector itself with a normal distribution."""

    def __init__(self, width: int, hidden: int, drop: float = 0.2) -> None:
        """Build it."""
        super().__init__()
        self.hidden, self.out, self.drop = nn.Linear(width, hidden), nn.Linear(hidden, 3 * width), nn.Dropout(drop)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(b, k) -> mean, scale and shape, each (b, k)."""
        shift, scale, shape = self.out(self.drop(functional.relu(self.hidden(self.drop(rows))))).chunk(3, dim=1)
        return (
            rows + shift,
            functional.softplus(scale) + SCALE_MIN,
            SHAPE_MIN + (SHAPE_MAX - SHAPE_MIN) * torch.sigmoid(shape),
        )


def surprise(given: tuple[torch.Tensor, torch.Tensor, torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood in nats a dimension of rows (b, k) under generalised Gaussians."""
    mean, scale, shape = given
    off = ((rows - mean).abs() / scale).clamp_min(1e-6)
    return (off**shape - torch.log(shape) + torch.log(2.0 * scale) + torch.lgamma(1.0 / shape)).mean()


def train(
    space: dict[str, Array], pairs: Pairs, dev: Pairs, *, hidden: int, epochs: int, seed: int, rate: float = 1e-3
) -> dict[str, Array]:
    """Both networks, of the epoch with the least surprise at the matches of ``dev``."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    width = space["text.projection"].shape[1]
    nets = nn.ModuleDict({side: Adapter(width, hidden) for side in ("text", "image")})
    optimizer = torch.optim.AdamW(nets.parameters(), lr=rate, weight_decay=1e-2)
    rows, checks = _inner(space, pairs), _inner(space, dev)
    best, kept = np.inf, {name: value.clone() for name, value in nets.state_dict().items()}
    for epoch in range(epochs):
        nets.train()
        for batch in np.array_split(rng.permutation(len(pairs.links)), max(1, len(pairs.links) // _BATCH)):
            optimizer.zero_grad()
            _loss(nets, rows, pairs.links[batch], _INTRA).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        nets.eval()
        with torch.no_grad():
            worth = float(_loss(nets, checks, dev.links, 0.0))
        _LOG.info("epoch %d: %.4f nats a dimension", epoch, worth)
        if worth < best:
            best, kept = worth, {name: value.clone() for name, value in nets.state_dict().items()}
    return {**space, **_named(kept)}


def _inner(space: dict[str, Array], pairs: Pairs) -> dict[str, torch.Tensor]:
    sides = {"text": pairs.texts, "image": pairs.images}
    return {
        side: torch.from_numpy(((rows - space[f"{side}.mean"]) @ space[f"{side}.projection"]).astype(np.float32))
        for side, rows in sides.items()
    }


def _loss(nets: nn.ModuleDict, rows: dict[str, torch.Tensor], links: NDArray[np.intp], intra: float) -> torch.Tensor:
    text, image = rows["text"][links[:, 0]], rows["image"][links[:, 1]]
    of_text, of_image = nets["text"](text), nets["image"](image)
    cross = surprise(of_text, image) + surprise(of_image, text)
    return cross + intra * (surprise(of_text, text) + surprise(of_image, image)) if intra else cross


def _named(state: dict[str, torch.Tensor]) -> dict[str, Array]:
    found = {}
    for side in ("text", "image"):
        for layer in ("hidden", "out"):
            found[f"{side}.{layer}"] = state[f"{side}.{layer}.weight"].double().numpy().T
            found[f"{side}.{layer}_bias"] = state[f"{side}.{layer}.bias"].double().numpy()
    return found


def hits(pairs: Pairs, common: NDArray[np.floating] | float = 0.0) -> dict[str, NDArray[np.bool_]]:
    """Whether the nearest is right.

    Args:
        pairs: queries and what they are searched among.
        common: (d) mean of many pictures, which names of pictures are searched without, as
            :class:`foveate.retrievers.calibration.Background` does.

    Returns:
        ``any`` (t): a text's nearest picture carries it. ``own`` (n): the nearest picture of a pair's text is the
        pair's, as ProbVLM counts. ``named`` (m): a picture's nearest text is one of its own.
    """
    own = np.zeros((len(pairs.texts), len(pairs.images)), dtype=np.bool_)
    own[pairs.links[:, 0], pairs.links[:, 1]] = True
    found = (pairs.texts @ pairs.images.T).argmax(axis=1)
    apart = pairs.images - common
    names = (pairs.texts @ (apart / np.linalg.norm(apart, axis=1, keepdims=True)).T).argmax(axis=0)
    return {
        "any": own[np.arange(len(found)), found],
        "own": found[pairs.links[:, 0]] == pairs.links[:, 1],
        "named": own[names, np.arange(len(names))],
    }


def measured(
    adapter: MatchUncertainty, pairs: Pairs, common: NDArray[np.floating] | float = 0.0
) -> dict[str, Reliability]:
    """Recall at 1 in bins of uncertainty, by the names of `hits`."""
    texts, images = adapter.uncertainty(pairs.texts, "text"), adapter.uncertainty(pairs.images, "image")
    told = {"any": texts, "own": texts[pairs.links[:, 0]], "named": images}
    return {name: reliability(told[name], hit) for name, hit in hits(pairs, common).items()}


def _parts(cache: Path, encoder: MiniEncoder) -> dict[str, Library]:
    whole = joined([gather(source, cache, encoder) for source in _TRAINED])
    whole = whole.select(~among(whole, stamps(cache, encoder)))
    sides = np.array([split(concept) for concept in whole.concepts])
    parts = {side: whole.select(sides == side) for side in ("train", "dev", "test")}
    return parts | {"gcompris": gather("gcompris", cache, encoder)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write and measure; figures go to the log."""
    parser = argparse.ArgumentParser(description="Train the adapter of match uncertainty for the mini encoder.")
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--out", type=Path, default=ADAPTER)
    parser.add_argument("--prior", type=Path, default=PRIOR, help="the file of the whitening small collections share")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--directions", type=int, default=96, help="of the whitening")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    encoder = MiniEncoder()
    parts = {name: Pairs.of(part, encoder) for name, part in _parts(options.cache, encoder).items()}
    train_part = parts["train"]
    texts, images = train_part.links.T
    space = shared_space(
        train_part.texts[texts].astype(np.float64), train_part.images[images].astype(np.float64), options.width
    )
    tensors = train(space, train_part, parts["dev"], hidden=options.hidden, epochs=options.epochs, seed=options.seed)
    MatchUncertainty(tensors=tensors, encoder=encoder.fingerprint).save(options.out)
    save_prior(
        {
            name: Whitening.fit(rows, kept=1.0).leading(options.directions)
            for name, rows in (("text", train_part.texts[::4]), ("image", train_part.images[::6]))
        },
        encoder.fingerprint,
        options.prior,
    )
    adapter = MatchUncertainty.load(encoder.fingerprint, options.out)
    common = 0.0 if encoder.picture_mean is None else encoder.picture_mean
    for name in ("dev", "test", "gcompris"):
        for way, found in measured(adapter, parts[name], common).items():
            _LOG.info("%s, %s: %s", name, way, json.dumps(found.to_dict()))


if __name__ == "__main__":
    main()
