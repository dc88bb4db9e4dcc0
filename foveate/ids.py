"""Content-addressed ids: the same bytes give the same id on every machine, and never another's.

Every part is hashed with its length before it, so that ``("ab", "c")`` and ``("a", "bc")`` differ.
Ids are the first 128 bits of SHA-256 in hexadecimal: they fit a UUID, which vector stores take as point id.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from foveate.locators import Locator, to_dict

__all__ = ["CHUNK_RECIPE", "chunk_id", "digest", "file_digest", "media_id"]

CHUNK_RECIPE = 1
"""Version of how media are cut. Raise it when the cutting changes: old and new chunks then never mix."""

_READ_BYTES = 1 << 20


def digest(*parts: bytes | str) -> str:
    """First 128 bits of SHA-256 over length-prefixed parts, 32 hexadecimal digits."""
    state = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.hexdigest()[:32]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits, read in blocks of 1 MiB."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            state.update(block)
    return state.hexdigest()


def media_id(kind: str, content: str, sidecars: Iterable[str] = ()) -> str:
    """Id of a media: its kind, the SHA-256 of its bytes, and those of its sidecars.

    Sidecars (captions, subtitles) belong to the content: the same picture with two captions is two media,
    and a changed caption is a change.
    """
    return digest("media", kind, content, *sidecars)


def chunk_id(media: str, part: str, index: int, locator: Locator) -> str:
    """Id of a chunk: recipe version, media, part, position among the media's chunks, and locator.

    The text is left out on purpose: equal passages of two sources, or of two places in one, stay apart
    by media and locator.
    """
    place = json.dumps(to_dict(locator), sort_keys=True, separators=(",", ":"))
    return digest("chunk", str(CHUNK_RECIPE), media, part, str(index), place)
