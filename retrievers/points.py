"""Chunks as stored points, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from foveate.ids import chunk_id
from foveate.locators import from_dict, to_dict
from foveate.media.pieces import Piece
from foveate.memory.filters import path_keys
from foveate.memory.store import Point, Scored
from foveate.records import Chunk, Media

__all__ = ["chunk_of", "chunks_of", "dense_text", "lexical_text", "path_payload", "payload_of"]


def chunks_of(media: Media, pieces: Sequence[Piece], *, first: int, paths: Sequence[str]) -> list[Chunk]:
    """Chunks of one reading.

    Args:
        media: whose pieces they are.
        pieces: in the order of reading.
        first: how many chunks the media's earlier readings gave; positions count on from there.
        paths: where the media was found.
    """
    ids = [chunk_id(media.id, piece.part, first + i, piece.locator) for i, piece in enumerate(pieces)]
    return [
        Chunk(
            id=name,
            media_id=media.id,
            kind=media.kind,
            part=piece.part,
            locator=piece.locator,
            text=piece.text,
            paths=tuple(paths),
            format=media.format,
            title=media.title,
            date=media.date,
            place=media.place,
            parent=None if piece.parent is None else ids[piece.parent],
        )
        for name, piece in zip(ids, pieces, strict=True)
    ]


def payload_of(chunk: Chunk) -> dict[str, Any]:
    """JSON payload of a chunk; absent values are left out."""
    body: dict[str, Any] = {
        "media": chunk.media_id,
        "kind": chunk.kind,
        "part": chunk.part,
        "format": chunk.format,
        "locator": to_dict(chunk.locator),
        "text": chunk.text,
        "title": chunk.title,
        "date": chunk.date,
        "place": list(chunk.place) if chunk.place else None,
        "parent": chunk.parent,
        **path_payload(chunk.paths),
    }
    return {key: value for key, value in body.items() if value is not None}


def path_payload(paths: Sequence[str]) -> dict[str, Any]:
    """The payload keys that depend on where a media was found."""
    return {"paths": sorted(paths), "path_keys": sorted({key for path in paths for key in path_keys(path)})}


def chunk_of(point: Point | Scored) -> Chunk:
    """Inverse of :func:`payload_of`."""
    body: Mapping[str, Any] = point.payload
    place = body.get("place")
    return Chunk(
        id=point.id,
        media_id=body["media"],
        kind=body["kind"],
        part=body["part"],
        locator=from_dict(body["locator"]),
        text=body.get("text"),
        paths=tuple(body["paths"]),
        format=body["format"],
        title=body.get("title"),
        date=body.get("date"),
        place=(place[0], place[1]) if place else None,
        parent=body.get("parent"),
    )


def dense_text(chunk: Chunk) -> str | None:
    """What the encoder is given of a chunk; None when it has no words."""
    # The title tells a passage's subject where the passage itself says "it".
    if not chunk.text:
        return None
    return f"{chunk.title}. {chunk.text}" if chunk.title and chunk.part == "passage" else chunk.text


def lexical_text(chunk: Chunk) -> str:
    """What BM25 is given of a chunk."""
    return " ".join(filter(None, (chunk.title, chunk.text)))
