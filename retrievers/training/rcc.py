"""Qt's binary resource files (``.rcc``): GCompris keeps its pictures in them.

Layout (Qt 5, ``qresource.cpp``), big-endian: ``qres``, version, offsets of tree, data and names; tree entries
of 14 (version 1) or 22 bytes; a name is its length, a hash and UTF-16; data is its length and bytes, behind a
zlib stream where flag 1 is set.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from foveate.errors import MediaError

__all__ = ["read_rcc"]

_COMPRESSED, _FOLDER, _ZSTD = 1, 2, 4
_MAX_BYTES = 64 << 20


def read_rcc(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name with ``/``, content) of each file inside; zstd entries are left out.

    Raises:
        MediaError: if the file is no resource file.
    """
    raw = path.read_bytes()
    if raw[:4] != b"qres":
        raise MediaError(f"{path.name!r} is no Qt resource file")
    version, tree, data, names = struct.unpack(">4I", raw[4:20])
    width = 22 if version >= 2 else 14

    def name(offset: int) -> str:
        (length,) = struct.unpack_from(">H", raw, names + offset)
        begin = names + offset + 6
        return raw[begin : begin + 2 * length].decode("utf-16-be")

    def walk(node: int, above: str) -> Iterator[tuple[str, bytes]]:
        at = tree + node * width
        name_at, flags = struct.unpack_from(">IH", raw, at)
        here = f"{above}/{name(name_at)}" if node else ""
        if flags & _FOLDER:
            count, first = struct.unpack_from(">II", raw, at + 6)
            for child in range(first, first + count):
                yield from walk(child, here)
        elif not flags & _ZSTD:
            (begin,) = struct.unpack_from(">I", raw, at + 10)
            (length,) = struct.unpack_from(">I", raw, data + begin)
            body = raw[data + begin + 4 : data + begin + 4 + length]
            yield here, zlib.decompressobj().decompress(body[4:], _MAX_BYTES) if flags & _COMPRESSED else body

    yield from walk(0, "")
