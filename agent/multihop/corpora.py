"""The text indexes of collections, made when first asked for and again when the texts changed."""

import asyncio
import logging
import threading
from collections import OrderedDict
from pathlib import Path

from foveate.agent.multihop.protocols import Tools
from foveate.errors import CollectionCorrupt
from foveate.records import Chunk
from foveate.rerankers.constrained import Constrained
from foveate.retrievers.multihop.corpus import Corpus, fingerprint
from foveate.retrievers.points import chunk_of

__all__ = ["Corpora", "told"]

_log = logging.getLogger(__name__)
_KEPT = 4
"""Indexes in memory: one a filter and a tokenizer."""


class Corpora:
    """Text indexes by what they were made of. May be used by several questions at once."""

    def __init__(self, folder: Path | None = None) -> None:
        """Remember where to keep them.

        Args:
            folder: where they are saved, one file each; None keeps the last few in memory only.
        """
        self._folder = folder
        self._made: OrderedDict[str, Corpus] = OrderedDict()
        self._lock = threading.Lock()

    async def of(self, tools: Tools, model: Constrained) -> Corpus:
        """The index of all texts within ``tools.where``, in tokens of ``model``.

        All texts are read each time to see whether they changed; tokenizing and sorting them is what is saved.

        Raises:
            ExtraMissing: pydivsufsort is not installed.
        """
        encode = (await model.codec()).encode_text

        def make() -> Corpus:
            chunks = [(point.id, told(chunk_of(point))[0]) for point in tools.store.scroll(tools.where)]
            mark = fingerprint(chunks, model.name)
            with self._lock:
                made = self._made.get(mark) or self._read(mark)
                if made is None:
                    made = Corpus.build(chunks, encode, tokenizer=model.name)
                    if self._folder is not None:
                        self._folder.mkdir(parents=True, exist_ok=True)
                        made.save(self._folder / f"{mark}.safetensors")
                self._made[mark] = made
                self._made.move_to_end(mark)
                while len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            return made

        return await asyncio.to_thread(make)

    def _read(self, mark: str) -> Corpus | None:
        path = self._folder / f"{mark}.safetensors" if self._folder is not None else None
        if path is None or not path.exists():
            return None
        try:
            made = Corpus.load(path)
        except CollectionCorrupt as error:
            _log.warning("the text index is made again: %s", error)
            return None
        return made if made.fingerprint == mark else None


def told(chunk: Chunk) -> tuple[str, int]:
    """What is indexed of a chunk, and where in it the chunk's own text begins, in characters.

    A passage's title is a sentence of its own before it: it tells the subject where the passage says "it".
    """
    text = chunk.text or ""
    if not text.strip() or not chunk.title or chunk.part != "passage":
        return text, 0
    lead = f"{' '.join(chunk.title.split())}\n\n"
    return lead + text, len(lead)
