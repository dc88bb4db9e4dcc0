"""What a reranking model is shown of a search result: its text, its pixels, or its picture told in words."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from io import BytesIO

from PIL.Image import Image

from foveate.errors import FoveateError
from foveate.records import Chunk, Result
from foveate.rerankers.protocols import Candidate, ImagePart, Present
from foveate.retrievers.encoders.colours import colour_names
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.protocols import Encoder

__all__ = ["Look", "as_pixels", "describe", "in_words", "part_of"]

Look = Callable[[Chunk], Image]
"""Pixels of a chunk, rendered from the user's file."""

_LOG = logging.getLogger(__name__)
_REMEMBERED = 4096
_UNSEEN = "a picture that cannot be opened"
_PICTURES = frozenset({"picture", "tile", "page", "frame"})


def describe(encoder: Encoder, images: Sequence[Image]) -> list[str]:
    """One line of words a picture: of ``mini`` those the shipped adapter learned, of others tags and colours."""
    if isinstance(encoder, MiniEncoder):
        return encoder.describe_images(images)
    tags = encoder.tag_images(images)
    return [
        "; ".join(filter(None, ("perhaps " * bool(row) + ", ".join(word for word, _ in row), ", ".join(names))))
        for row, names in zip(tags, colour_names(images), strict=True)
    ]


def in_words(look: Look, encoder: Encoder) -> Present:
    """For models that only read: a chunk's own text, else its picture told in words. Remembers what it told."""
    told: OrderedDict[str, str] = OrderedDict()

    def present(results: Sequence[Result]) -> list[Candidate]:
        mute = [one.chunk for one in results if not (one.chunk.text or "").strip() and one.chunk.id not in told]
        for chunk, words in zip(mute, _told(mute, look, encoder), strict=True):
            told[chunk.id] = words
        shown = [Candidate(id=one.chunk.id, text=one.chunk.text or told[one.chunk.id]) for one in results]
        while len(told) > _REMEMBERED:
            told.popitem(last=False)
        return shown

    return present


def as_pixels(look: Look) -> Present:
    """For models that see: pictures, pages and frames as pixels, with the text there is."""

    def present(results: Sequence[Result]) -> list[Candidate]:
        return [
            Candidate(id=one.chunk.id, text=one.chunk.text or _name(one.chunk), images=_pixels(one.chunk, look))
            for one in results
        ]

    return present


def part_of(picture: Image) -> ImagePart:
    """A picture as models take it."""
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    return ImagePart(data=buffer.getvalue(), mime="image/png")


def _told(chunks: Sequence[Chunk], look: Look, encoder: Encoder) -> list[str]:
    pictures = {chunk.id: picture for chunk in chunks if (picture := _seen(chunk, look)) is not None}
    words = dict(zip(pictures, describe(encoder, list(pictures.values())), strict=True))
    return [words.get(chunk.id) or _name(chunk) or _UNSEEN for chunk in chunks]


def _seen(chunk: Chunk, look: Look) -> Image | None:
    try:
        return look(chunk)
    except (FoveateError, OSError) as error:
        _LOG.info("%s: %s", chunk.path, error)  # gone or broken since it was indexed
        return None


def _pixels(chunk: Chunk, look: Look) -> tuple[ImagePart, ...]:
    picture = _seen(chunk, look) if chunk.part in _PICTURES else None
    if picture is None:
        return ()
    return (part_of(picture),)


def _name(chunk: Chunk) -> str:
    return chunk.title or ("" if chunk.part in _PICTURES else _UNSEEN)
