"""What the pictures of a question show, by the captioned pictures of the collection that look like them.

Where the whole picture leaves it open, parts of it are looked at as well, and the part that is surest wins. What no
neighbour explains goes to the encoder's own tags. Captions are data: a name out of one is searched for, nothing more.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from foveate.agent.multihop.protocols import Tools
from foveate.agent.visual.names import Named, named
from foveate.agent.visual.neighbours import Neighbour, closer, nearest, shares
from foveate.agent.visual.regions import crops, steady
from foveate.locators import Box

__all__ = ["AMBIGUOUS", "Entity", "identify"]

AMBIGUOUS = 0.6
"""Parts are looked at where the best name has less than this probability."""
_WHOLE = Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0)
_LEAST = 0.02
"""A name less probable than this is not worth a word in the trace."""
_NAMES = 5
_PARTS = 2
"""Parts that are looked at closer."""
_WITNESSES = 3
"""Pictures that are cited for a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """Something a picture probably shows."""

    subject: Named
    """Its name, and the kind of thing ("flag") that the caption says stands for it."""
    caption: str
    """In full; for a tag, the tag."""
    probability: float
    """In [0, 1]; those of one picture sum to at most 1, the rest is for none of them."""
    chunk_ids: tuple[str, ...]
    """Captioned pictures that say so, nearest first; empty for the encoder's own tags."""
    region: Box = _WHOLE
    """Part of the question's picture that was recognised."""
    picture: int = 0
    """Which of the question's pictures, from 0."""

    @property
    def name(self) -> str:
        """As questions write it."""
        return self.subject.name


async def identify(pictures: Sequence[Image], tools: Tools) -> list[Entity]:
    """Names for each picture, most probable first, ties by name; none is a fair answer.

    Args:
        pictures: of any mode and size; of an animation the first frame counts.
        tools: whose store, encoder and searcher are used, within ``tools.where``.
    """
    found = [await asyncio.to_thread(_named, at, steady(picture), tools) for at, picture in enumerate(pictures)]
    return sorted((one for each in found for one in each), key=lambda one: (-one.probability, one.picture, one.name))


def _named(at: int, picture: Image, tools: Tools) -> list[Entity]:
    near = nearest(tools.encoder.encode_images([picture]), tools)[0]
    found, nothing = _entities(at, closer(picture, near, tools), _WHOLE, 1)
    if _best(found) < AMBIGUOUS:
        part, left = _parts(at, picture, tools)
        if _best(part) > max(_best(found), 0.5):
            found, nothing = part, left
    return [*found, *(_tagged(at, picture, nothing, tools) if nothing >= 0.5 else ())]


def _parts(at: int, picture: Image, tools: Tools) -> tuple[list[Entity], float]:
    """Entities of the part that is surest of its name."""
    cut = crops(picture)
    near = nearest(tools.encoder.encode_images([crop for _, crop in cut]), tools)
    # Only the most promising are looked at closer: each look opens files.
    order = sorted(range(len(cut)), key=lambda i: -max((one.z for one in near[i]), default=-np.inf))[:_PARTS]
    found = [_entities(at, closer(cut[i][1], near[i], tools), cut[i][0], len(cut)) for i in order]
    return max(found, key=lambda item: _best(item[0]), default=([], 1.0))


def _entities(at: int, near: Sequence[Neighbour], region: Box, looks: int) -> tuple[list[Entity], float]:
    """Names with probabilities, a name by its most probable picture; and the probability of none."""
    by_name: dict[str, list[Neighbour]] = {}
    for one in near:
        by_name.setdefault(named(one.caption).name.lower(), []).append(one)
    by_name.pop("", None)
    groups = [*by_name.values()]
    probabilities, nothing = shares([group[0] for group in groups], looks=looks)
    entities = [
        Entity(
            subject=named(group[0].caption),
            caption=group[0].caption,
            probability=share,
            chunk_ids=tuple(one.chunk.id for one in group[:_WITNESSES]),
            region=region,
            picture=at,
        )
        for group, share in zip(groups, probabilities, strict=True)
        if share >= _LEAST
    ]
    return sorted(entities, key=lambda one: (-one.probability, one.name))[:_NAMES], nothing


def _tagged(at: int, picture: Image, nothing: float, tools: Tools) -> list[Entity]:
    """The encoder's own words, for what no neighbour explains."""
    return [
        Entity(subject=Named(name=word, head=""), caption=word, probability=nothing * share, chunk_ids=(), picture=at)
        for word, share in tools.encoder.tag_images([picture])[0]
        if nothing * share >= _LEAST
    ]


def _best(entities: Sequence[Entity]) -> float:
    return max((one.probability for one in entities), default=0.0)
