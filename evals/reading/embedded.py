"""Pictures that stand in a data file as base64: written once to a folder, so that a sample can name a path."""

import base64
import binascii
import hashlib
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.reading.files import write_once

__all__ = ["LIMIT_BYTES", "unpacked"]

LIMIT_BYTES = 50_000_000
"""Largest picture that is taken out of a data file."""
_MAGIC = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}


def unpacked(text: str, folder: Path, where: str, name: str | None = None) -> str:
    """Write one picture, unless it is there already.

    Args:
        text: base64, a ``data:`` prefix is passed over.
        folder: where to; made if need be.
        where: place in the data, for errors.
        name: of the file without ending; None for the SHA-256 of the bytes.

    Returns:
        The file's path.

    Raises:
        CallerError: no base64, larger than :data:`LIMIT_BYTES`, or neither PNG nor JPEG by its first bytes.
        ServiceError: it cannot be written.
    """
    data = _decoded(text, where)
    ending = next((ending for magic, ending in _MAGIC.items() if data.startswith(magic)), None)
    if ending is None:
        raise CallerError(f"{where}: a picture must be PNG or JPEG, found bytes {data[:8]!r}")
    return write_once(folder / f"{name or hashlib.sha256(data).hexdigest()}{ending}", data)


def _decoded(text: str, where: str) -> bytes:
    body = text.partition(",")[2] if text.startswith("data:") else text
    if len(body) > LIMIT_BYTES // 3 * 4 + 4:
        raise CallerError(f"{where}: a picture of {len(body) // 4 * 3} bytes; at most {LIMIT_BYTES} are taken")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CallerError(f"{where}: a picture must be base64, found {body[:20]!r}...: {error}") from None
