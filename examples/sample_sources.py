"""Opens the files that the sample collection is made from, inside Debian packages."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

PACKAGES: dict[str, str] = {
    "fonts-dejavu-core": "2.37-6",
    "fonts-dejavu-extra": "2.37-6",
    "gcompris-qt-data": "3.1-2",
    "lomiri-wallpapers-16.04": "20.04.0-2",
    "lomiri-wallpapers-20.04": "20.04.0-2",
    "openclipart-png": "1:0.18+dfsg-19",
    "python3-skimage": "0.19.3-8",
}
"""The packages of Debian 12 (bookworm) and the versions that the committed files were made from."""

_COMPRESSED_ZLIB = 1
_DIRECTORY = 2
_COMPRESSED_ZSTD = 4


def package_root(name: str, cache: Path) -> Path:
    """Downloads and unpacks a Debian package once.

    Args:
        name: A key of `PACKAGES`.
        cache: A folder to keep the unpacked packages in.

    Returns:
        The folder that stands for the root of the file system.

    Raises:
        RuntimeError: If the package cannot be had in the version that the collection was made from.
    """
    root = cache / name
    done = root / ".complete"
    if done.exists():
        return root
    root.mkdir(parents=True, exist_ok=True)
    wanted = f"{name}={PACKAGES[name]}"
    got = subprocess.run(["apt-get", "download", wanted], cwd=cache, capture_output=True, text=True, check=False)
    archives = sorted(cache.glob(f"{name}_*.deb"))
    if got.returncode or not archives:
        raise RuntimeError(f"apt-get download {wanted} failed (Debian 12 has it): {got.stderr.strip()!r}")
    subprocess.run(["dpkg-deb", "-x", str(archives[-1]), str(root)], check=True)
    archives[-1].unlink()
    done.touch()
    return root


def read_member(package: str, member: str, cache: Path) -> bytes:
    """Reads one file of a package.

    Args:
        package: A key of `PACKAGES`.
        member: A path inside the package; `archive.rcc!/inner/path` names an entry of a Qt resource archive.
        cache: The folder of `package_root`.

    Raises:
        KeyError: If the resource archive has no such entry.
    """
    outer, _, inner = member.partition("!")
    data = (package_root(package, cache) / outer).read_bytes()
    return read_resource(data, inner) if inner else data


def read_resource(archive: bytes, path: str) -> bytes:
    """Reads one entry of a binary Qt resource archive (formats 1 to 3).

    The archive holds a tree of nodes, a table of UTF-16 names and the contents; numbers are big-endian.

    Raises:
        ValueError: If the bytes are not a resource archive, or the entry is packed with zstd.
        KeyError: If there is no such entry.
    """
    magic, version, tree, contents, names = struct.unpack_from(">4sIIII", archive)
    if magic != b"qres":
        raise ValueError(f"not a Qt resource archive: it starts with {magic!r}")
    size = 22 if version >= 2 else 14

    def name_of(node: int) -> str:
        at = names + struct.unpack_from(">I", archive, node)[0]
        length = struct.unpack_from(">H", archive, at)[0]
        return archive[at + 6 : at + 6 + 2 * length].decode("utf-16-be")

    node = tree
    for part in path.strip("/").split("/"):
        count, first = struct.unpack_from(">II", archive, node + 6)
        children = [tree + (first + i) * size for i in range(count)]
        found = [child for child in children if name_of(child) == part]
        if not found:
            raise KeyError(f"the resource archive has no {path!r}: {part!r} is missing")
        node = found[0]
    flags = struct.unpack_from(">H", archive, node + 4)[0]
    if flags & (_DIRECTORY | _COMPRESSED_ZSTD):
        raise ValueError(f"{path!r} is a folder or packed with zstd (flags {flags})")
    at = contents + struct.unpack_from(">I", archive, node + 10)[0]
    length = struct.unpack_from(">I", archive, at)[0]
    data = archive[at + 4 : at + 4 + length]
    return zlib.decompress(data[4:]) if flags & _COMPRESSED_ZLIB else data
