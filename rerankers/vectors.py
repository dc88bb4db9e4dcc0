"""Vectors of a candidate's pictures (frames, tiles, sub-images), remembered from one question to the next."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from foveate.errors import CallerError, MediaError
from foveate.records import Chunk

__all__ = ["EncodeImages", "EncodeText", "PictureVectors", "Pictures"]

EncodeText = Callable[[Sequence[str]], NDArray[np.float32]]
"""(n) texts -> (n, d) unit rows."""
EncodeImages = Callable[[Sequence[Image]], NDArray[np.float32]]
"""(n) pictures -> (n, d) unit rows."""
Pictures = Callable[[Chunk], Sequence[Image]]
"""The pictures that stand for a chunk; none for a text. Blocking: called in a thread."""

_LOG = logging.getLogger(__name__)
_BATCH = 32
_ROWS = 8192
"""Vectors kept: 52 MB at the 1,600 dimensions of ``mini``, a third of what its weights take."""


class PictureVectors:
    """Encodes what was not seen lately; the least recently used go first. May be asked from several threads."""

    def __init__(self, encode: EncodeImages, pictures: Pictures, *, rows: int = _ROWS) -> None:
        self._encode = encode
        self._pictures = pictures
        self._rows = rows
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def of(self, chunks: Sequence[Chunk]) -> dict[str, NDArray[np.float32]]:
        """Chunk id -> (m, d) unit rows, for those that have pictures. A broken or missing file counts as none."""
        with self._lock:
            found = {chunk.id: self._kept[chunk.id] for chunk in chunks if chunk.id in self._kept}
            for name in found:
                self._kept.move_to_end(name)
        for name, rows in self._made([chunk for chunk in chunks if chunk.id not in found]).items():
            found[name] = rows
            self._keep(name, rows)
        return found

    def _made(self, chunks: Sequence[Chunk]) -> dict[str, NDArray[np.float32]]:
        # Pictures of several chunks share a batch, and no more than a batch of pixels is held beside one chunk's.
        made: dict[str, list[NDArray[np.float32]]] = {}
        waiting: list[tuple[str, Image]] = []
        for chunk in chunks:
            waiting += [(chunk.id, image) for image in self._look(chunk)]
            while len(waiting) >= _BATCH:
                self._flush(waiting[:_BATCH], made)
                waiting = waiting[_BATCH:]
        self._flush(waiting, made)
        return {name: np.stack(rows) for name, rows in made.items()}

    def _flush(self, batch: Sequence[tuple[str, Image]], made: dict[str, list[NDArray[np.float32]]]) -> None:
        if batch:
            for (name, _), row in zip(batch, self._encode([image for _, image in batch]), strict=True):
                made.setdefault(name, []).append(row)

    def _look(self, chunk: Chunk) -> Sequence[Image]:
        try:
            return self._pictures(chunk)
        except (MediaError, CallerError) as error:
            _LOG.warning("pictures of chunk %s are left out: %s", chunk.id, error)
            return ()

    def _keep(self, name: str, rows: NDArray[np.float32]) -> None:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = rows
                self._count += len(rows)
            while self._count > self._rows and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._count -= len(gone)
