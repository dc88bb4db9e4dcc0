"""Training data out of a collection: its captions and first sentences stand in for questions.

These questions are synthetic: nobody asked them. A caption asks for its picture, which is shown as pixels or told in
words without the caption; a passage's first sentence asks for the rest of it. They teach what matching looks like in
this collection, not how its users ask: pairs made of real questions are better where there are any.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.agent import showing
from foveate.errors import CallerError, FoveateError
from foveate.ids import digest
from foveate.media.render import crop
from foveate.memory.collection import Collection, EncoderInfo
from foveate.memory.store import Point
from foveate.records import Chunk
from foveate.rerankers.lora.mining import Encode, Item, MineProgress, Mining, mine
from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.sentences import statements
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.points import chunk_of
from foveate.retrievers.protocols import Encoder
from foveate.retrievers.search import Searcher, SearchQuery
from foveate.settings import Settings

__all__ = ["Describe", "FromCollection", "collection_pairs", "item_of"]

_DEPTH = 50
_LOOK_PX = 512
_VECTORS = ("image", "text")
_SHOWN = frozenset({"png", "jpeg", "webp"})
"""Files that a model that sees is given as they are."""

Describe = Callable[[Chunk], str]
"""A picture in words, without its caption; empty where nothing can be said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FromCollection:
    """What to make of a collection."""

    mining: Mining = field(default_factory=Mining)
    questions: int | None = None
    """At most so many, drawn by hash; None takes all."""
    sees: bool = False
    """Show pictures as files instead of words."""


def collection_pairs(
    settings: Settings,
    name: str,
    wanted: FromCollection,
    *,
    describe: Describe | None = None,
    progress: MineProgress | None = None,
) -> list[Pair]:
    """Pairs with mismatches mined from the collection's own search.

    Args:
        settings: home, store and encoder of the collection.
        name: of the collection.
        wanted: how many and how.
        describe: tells pictures to a model that reads only; by default, the words of the encoder.
        progress: told after each question.

    Raises:
        CallerError: no such collection, or nothing in it makes a question.
    """
    encoder = load_encoder(settings.encoder)
    info = EncoderInfo(name=encoder.name, fingerprint=encoder.fingerprint, dim=encoder.dim)
    with Collection.open(settings.home, name, info, settings.store) as collection:
        points = sorted(collection.store.scroll(vectors=True), key=lambda point: point.id)
        tell = describe or (lambda chunk: _told(chunk, encoder))
        items = _limited([item_of(chunk_of(point), tell, sees=wanted.sees) for point in points], wanted.questions)
        if not any(item.question for item in items):
            raise CallerError(
                f"nothing in collection {name!r} makes a question: it needs captioned pictures or passages of "
                "several sentences; give --data instead"
            )
        find = _find(Searcher(collection.store, encoder))
        return list(mine(items, find, _similar(points, encoder.dim), wanted.mining, progress))


def item_of(chunk: Chunk, describe: Describe, *, sees: bool) -> Item:
    """A chunk as a question and what answers it, which never holds the question's words as such."""
    text = (chunk.text or "").strip()
    question, candidate = "", text
    images: tuple[Path, ...] = ()
    if chunk.part == "picture":
        question = " ".join(text.split())
        shown = sees and chunk.format in _SHOWN
        images, candidate = ((Path(chunk.path),), "") if shown else ((), describe(chunk))
    else:
        spans = statements(text)
        if len(spans) > 1:
            question = " ".join(text[spans[0].start : spans[0].end].split())
            candidate = text[spans[0].end :].strip()
        elif not text and not sees:
            candidate = describe(chunk)
    answered = candidate.strip() or images
    return Item(
        id=chunk.id,
        media_id=chunk.media_id,
        parent=chunk.parent,
        question=question if answered else "",
        candidate=candidate,
        images=images,
    )


def _limited(items: Sequence[Item], questions: int | None) -> list[Item]:
    asked = sorted((item.id for item in items if item.question), key=lambda name: digest("asked", name))
    kept = set(asked if questions is None else asked[:questions])
    return [item if item.id in kept else _unasked(item) for item in items]


def _unasked(item: Item) -> Item:
    return replace(item, question="")


def _find(searcher: Searcher) -> Callable[[str], list[str]]:
    def find(question: str) -> list[str]:
        return [result.chunk.id for result in searcher.search(SearchQuery(text=question, k=_DEPTH, fold=False))]

    return find


def _similar(points: Sequence[Point], dim: int) -> list[Encode]:
    """By the vectors that the collection keeps of pictures, and by those of texts."""

    def rows(kind: str, _items: Sequence[Item]) -> NDArray[np.float32]:
        found = np.zeros((len(points), dim), np.float32)
        for at, point in enumerate(points):
            vector = point.dense.get(kind)
            if vector is not None:
                found[at] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return found

    return [partial(rows, kind) for kind in _VECTORS]


def _told(chunk: Chunk, encoder: Encoder) -> str:
    """As a reranker is shown it: an adapter trained on other words would be judged on these."""
    try:
        return showing.describe(encoder, [crop(Path(chunk.path), chunk.locator, _LOOK_PX)])[0]
    except (FoveateError, OSError):
        return ""  # gone or broken since it was indexed
