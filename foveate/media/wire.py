"""What crosses the border between foveate and its decoder processes: JSON and raw pixels.

Not pickle: a decoder that a hostile file took over could answer with code. JSON can only be wrong data, and wrong
data is refused here.

A frame is two lengths (8 bytes each, big endian), a JSON object, and the bytes of its pixel arrays one after
another.
"""

import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, get_args

import numpy as np

from foveate.errors import FoveateError
from foveate.locators import from_dict, to_dict
from foveate.media.pieces import Piece, Pixels, Probe, Reading, Source
from foveate.records import Media, Part

__all__ = [
    "Malformed",
    "probe_from",
    "probe_to",
    "read_frame",
    "reading_from",
    "reading_to",
    "source_from",
    "source_to",
    "write_frame",
]

_LENGTHS = struct.Struct(">QQ")
_MOST_BYTES = 2 << 30
_PARTS = frozenset(get_args(Part))

Message = dict[str, Any]


class Malformed(Exception):
    """The other side did not keep to the format, or is gone."""


def write_frame(stream: BinaryIO, message: Mapping[str, Any], blobs: Sequence[Pixels] = ()) -> None:
    """Send one frame."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    stream.write(_LENGTHS.pack(len(body), sum(blob.nbytes for blob in blobs)))
    stream.write(body)
    for blob in blobs:
        stream.write(np.ascontiguousarray(blob).data)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[Message, bytearray]:
    """Receive one frame.

    Raises:
        Malformed: the stream ended, or what came is no frame.
    """
    body_bytes, blob_bytes = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    if max(body_bytes, blob_bytes) > _MOST_BYTES:
        raise Malformed(f"a frame of {body_bytes} and {blob_bytes} bytes")
    try:
        message = json.loads(bytes(_exactly(stream, body_bytes)))
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(message, dict):
        raise Malformed("not an object")
    return message, _exactly(stream, blob_bytes)


def source_to(source: Source) -> Message:
    """JSON form of a source."""
    return {
        **{name: _path_to(getattr(source, name)) for name in ("path", "caption", "subtitles")},
        "size_bytes": source.size_bytes,
        "mtime_ns": source.mtime_ns,
        "linked": source.linked,
    }


def source_from(data: Message) -> Source:
    """Inverse of :func:`source_to`."""
    path = _path_from(data["path"])
    if path is None:
        raise Malformed("a source without path")
    return Source(
        path=path,
        size_bytes=data["size_bytes"],
        mtime_ns=data["mtime_ns"],
        caption=_path_from(data["caption"]),
        subtitles=_path_from(data["subtitles"]),
        linked=data["linked"],
    )


def probe_to(probe: Probe) -> Message:
    """JSON form of a probe."""
    return asdict(probe)


def probe_from(data: Message) -> Probe:
    """Inverse of :func:`probe_to`.

    Raises:
        Malformed: the fields do not fit.
    """
    try:
        media = data["media"]
        place = media.pop("place")
        return Probe(
            media=Media(**media, place=(float(place[0]), float(place[1])) if place else None),
            parts=int(data["parts"]),
            notes=tuple(map(str, data["notes"])),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Malformed("not a probe") from error


def reading_to(reading: Reading) -> tuple[Message, list[Pixels]]:
    """JSON form of a reading, and its pixel arrays."""
    pieces = [
        {
            "part": piece.part,
            "locator": to_dict(piece.locator),
            "text": piece.text,
            "parent": piece.parent,
            "shape": None if piece.pixels is None else list(piece.pixels.shape),
        }
        for piece in reading.pieces
    ]
    blobs = [piece.pixels for piece in reading.pieces if piece.pixels is not None]
    return {"pieces": pieces, "notes": list(reading.notes)}, blobs


def reading_from(data: Message, blob: bytearray) -> Reading:
    """Inverse of :func:`reading_to`. The pixel arrays are views of ``blob``: no copy is made.

    Raises:
        Malformed: the fields do not fit.
    """
    pieces: list[Piece] = []
    at = 0
    try:
        for row in data["pieces"]:
            pixels, at = _pixels(row["shape"], blob, at)
            text, parent = row["text"], row["parent"]
            if row["part"] not in _PARTS or not isinstance(text, str | None) or not _is_parent(parent, len(pieces)):
                raise Malformed("not a piece")
            pieces.append(
                Piece(part=row["part"], locator=from_dict(row["locator"]), text=text, pixels=pixels, parent=parent)
            )
        return Reading(pieces=tuple(pieces), notes=tuple(map(str, data["notes"])))
    except (KeyError, TypeError, ValueError, FoveateError) as error:
        raise Malformed("not a reading") from error


def _is_parent(parent: object, count: int) -> bool:
    return parent is None or (isinstance(parent, int) and 0 <= parent < count)


def _pixels(shape: Sequence[int] | None, blob: bytearray, at: int) -> tuple[Pixels | None, int]:
    if shape is None:
        return None, at
    height, width, depth = (int(side) for side in shape)
    size = height * width * depth
    if min(height, width) < 1 or depth != 3 or at + size > len(blob):
        raise Malformed("pixels of a wrong shape")
    return np.frombuffer(blob, np.uint8, size, at).reshape(height, width, depth), at + size


def _exactly(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise Malformed("the stream ended")
        view = view[count:]
    return data


def _path_to(path: Path | None) -> str | None:
    # Names are bytes on Linux; Latin-1 carries each byte as one character whatever the locale.
    return None if path is None else os.fsencode(path).decode("latin-1")


def _path_from(name: str | None) -> Path | None:
    return None if name is None else Path(os.fsdecode(name.encode("latin-1")))
