"""What the vertices of a passage graph say: the text of chunks, and of mute pictures what they seem to show."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PIL.Image import Image

from foveate.errors import FoveateError
from foveate.media.render import crop
from foveate.records import Chunk
from foveate.retrievers.multihop.pseudo_questions import Passage
from foveate.retrievers.protocols import Encoder

__all__ = ["Look", "passages_of"]

Look = Callable[[Chunk], Image]
"""Pixels of a chunk, rendered from the user's file."""
_LOG = logging.getLogger(__name__)
_LOOK_PX = 320
_TOLD = frozenset({"picture", "frame"})
"""Parts that are told in words where they are mute: tiles repeat their picture, and a page has its passages."""
_BATCH = 32
_TAGS = 4


def passages_of(chunks: Sequence[Chunk], encoder: Encoder, look: Look | None = None) -> dict[str, Passage]:
    """Chunk id -> what it says, in the order of ``chunks``; those that say nothing have neither text nor tags.

    Args:
        chunks: of the collection.
        encoder: tags pictures that nobody described.
        look: pixels of a chunk; None renders them from the file.
    """
    mute = [chunk for chunk in chunks if not _text(chunk) and chunk.part in _TOLD]
    tags: dict[str, tuple[str, ...]] = {}
    for first in range(0, len(mute), _BATCH):
        tags |= _tagged(mute[first : first + _BATCH], encoder, look or _render)
    return {
        chunk.id: Passage(text=_text(chunk), title=chunk.title or "", tags=tags.get(chunk.id, ())) for chunk in chunks
    }


def _text(chunk: Chunk) -> str:
    return (chunk.text or "").strip()


def _tagged(chunks: Iterable[Chunk], encoder: Encoder, look: Look) -> dict[str, tuple[str, ...]]:
    seen: dict[str, Image] = {}
    for chunk in chunks:
        try:
            seen[chunk.id] = look(chunk)
        except (FoveateError, OSError) as error:
            _LOG.info("%s: %s", chunk.path, error)  # gone or broken since it was indexed
    rows = encoder.tag_images(list(seen.values()), _TAGS) if seen else []
    return {name: tuple(word for word, _ in row) for name, row in zip(seen, rows, strict=True)}


def _render(chunk: Chunk) -> Image:
    return crop(Path(chunk.path), chunk.locator, _LOOK_PX)
