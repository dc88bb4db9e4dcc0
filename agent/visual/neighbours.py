"""How probable it is that a picture shows what the captioned pictures near it show.

A softmax over similarities, normalised by the collection's own background, with one place for "none of them": the
nearest neighbour of an unknown thing is near, too. Where pixels are at hand, the nearest are looked at again: a vector
tells a tricolour from a bird, its colours' places tell Ireland from Belgium.

Shapes: q crops of one picture, d dimensions, g cells a side.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, Resampling

from foveate.agent.multihop.protocols import Tools
from foveate.errors import FoveateError
from foveate.memory.store import Scored
from foveate.records import Chunk
from foveate.retrievers.calibration import Background
from foveate.retrievers.encoders.flattening import flattened
from foveate.retrievers.points import chunk_of
from foveate.retrievers.search import Searcher

__all__ = ["Neighbour", "closer", "layout", "logit", "nearest", "shares"]

_LOG = logging.getLogger(__name__)
_DEPTH = 100
"""Neighbours found: captioned ones may be few among them."""
_LOOKED_AT = 16
"""Of the 110 flags of the knowledge base's training half 94% have their own among so many, 70% have it first."""
_PARTS = frozenset({"picture", "tile", "frame"})
_ALIKE = (0.45, 0.1)
"""Mean and standard deviation of cosines between unrelated pictures, for collections too small to tell."""
_GRID = 16
_UNSEEN = 0.35
"""Distance in layout of what cannot be opened: that of unrelated pictures."""
# Conditional logistic fits on those 110 flags, each with its own picture in the collection and without it. Accuracy
# 0.70 by vectors, 0.88 with the second look; of names with more than one half, 0.96 are right.
_FAR_SLOPE, _FAR_NONE = 3.04, 9.96
"""Per standard deviation of z, and of none, where there are vectors alone."""
_NEAR_SLOPE, _NEAR_LAYOUT, _NEAR_NONE = 1.52, -18.4, -0.54
"""Per standard deviation of z, per unit of distance in layout, and of none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A captioned picture near the one asked about."""

    chunk: Chunk
    z: float
    """Standard deviations by which its cosine exceeds that of unrelated pictures of the collection."""
    apart: float | None = None
    """Distance in layout, in [0, 1]; None before a closer look."""

    @property
    def caption(self) -> str:
        """Never blank."""
        return self.chunk.text or ""


def nearest(rows: NDArray[np.float32], tools: Tools) -> list[list[Neighbour]]:
    """Captioned pictures near each of the (q, d) vectors, best first."""
    if not len(rows):
        return []
    background = tools.searcher.background if isinstance(tools.searcher, Searcher) else Background(tools.store)
    found = []
    for row, hits in zip(rows, tools.store.search("image", rows, _DEPTH, tools.where), strict=True):
        mean, sd = background.spread("image", row, prior=_ALIKE)
        found.append([Neighbour(chunk=chunk_of(hit), z=(hit.score - mean) / sd) for hit in hits if _captioned(hit)])
    return found


def closer(picture: Image, near: Sequence[Neighbour], tools: Tools) -> list[Neighbour]:
    """The nearest with their distance in layout, most probable first; as they are where pixels are not at hand."""
    if tools.look is None:
        return [*near]
    mine = layout(picture)
    looked = [replace(one, apart=_apart(mine, one.chunk, tools)) for one in near[:_LOOKED_AT]]
    return sorted(looked, key=lambda one: (-logit(one), one.chunk.id))


def layout(picture: Image) -> NDArray[np.float32]:
    """(g, g, 3) mean colours of a picture's cells, in [0, 1]; alpha lies on white."""
    small = flattened(picture).resize((_GRID, _GRID), Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255.0


def logit(one: Neighbour) -> float:
    """Log-odds up to a constant that the picture shows what this one shows."""
    return _FAR_SLOPE * one.z if one.apart is None else _NEAR_SLOPE * one.z + _NEAR_LAYOUT * one.apart


def shares(near: Sequence[Neighbour], *, looks: int = 1) -> tuple[list[float], float]:
    """Probability of each neighbour, and of none of them.

    Args:
        near: one a thing that the picture may show; all looked at closer, or none.
        looks: crops that were searched to find these: the best of many looks is high by chance (Bonferroni).
    """
    far = all(one.apart is None for one in near)
    nothing = (_FAR_NONE if far else _NEAR_NONE) + math.log(looks)
    logits = np.array([*(logit(one) for one in near), nothing])
    powers = np.exp(logits - logits.max())
    powers /= powers.sum()
    return [float(power) for power in powers[:-1]], float(powers[-1])


def _captioned(hit: Scored) -> bool:
    return hit.payload["part"] in _PARTS and bool(str(hit.payload.get("text") or "").strip())


def _apart(mine: NDArray[np.float32], chunk: Chunk, tools: Tools) -> float:
    assert tools.look is not None
    try:
        theirs = layout(tools.look(chunk))
    except (FoveateError, OSError) as error:
        _LOG.info("%s: %s", chunk.path, error)  # gone or broken since it was indexed
        return _UNSEEN
    return float(np.abs(mine - theirs).max(axis=-1).mean())
