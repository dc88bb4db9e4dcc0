"""The encoder alone: exact cosines over a dataset's documents, no store, no fusion, no agent."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.evals.samples import Dataset, Document, Sample
from foveate.evals.targets.pictures import picture
from foveate.evals.targets.protocols import Ability, Ranking
from foveate.retrievers.protocols import Encoder

__all__ = ["EncoderTarget"]

Rows = NDArray[np.float32]
_BATCH = 64


class EncoderTarget:
    """Finds and matches by cosine. A document with text and picture is their mean vector, as MixBench has it."""

    kind = "encoder"
    abilities: frozenset[Ability] = frozenset({"find", "match"})
    concurrency = 1

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._pictures: dict[str, Rows] = {}
        self._texts: dict[str, Rows] = {}
        self._documents: dict[str, tuple[list[str], Rows]] = {}

    async def prepare(self, dataset: Dataset, work: Path) -> None:
        """Encode documents and questions, in batches.

        Raises:
            CallerError: a document that is a film or a whole file.
        """
        await asyncio.to_thread(self._prepare, dataset)

    def _prepare(self, dataset: Dataset) -> None:
        for document in dataset.documents:
            if document.film or document.file:
                raise CallerError(f"the encoder target takes texts and pictures; {document.id!r} is a file or film")
        self._encode_pictures(
            [path for path in (document.image for document in dataset.documents) if path]
            + [path for sample in dataset.samples for path in (*sample.images, *sample.image_options)]
        )
        self._encode_texts(
            [text for text in (document.text for document in dataset.documents) if text]
            + [text for sample in dataset.samples for text in (sample.text, sample.exclude, *sample.options) if text]
        )
        pools: dict[str, list[Document]] = {}
        for document in dataset.documents:
            pools.setdefault(document.pool, []).append(document)
        self._documents = {
            pool: ([document.id for document in found], np.stack([self._document(document) for document in found]))
            for pool, found in pools.items()
        }

    async def find(self, sample: Sample, k: int) -> Ranking:
        """The best ``k`` documents of the sample's pool, by cosine; ties by id.

        What is to be excluded counts against a document as much as the question counts for it.
        """
        return await asyncio.to_thread(self._find, sample, k)

    def _find(self, sample: Sample, k: int) -> Ranking:
        names, rows = self._documents.get(sample.pool, ([], np.zeros((0, self.encoder.dim), np.float32)))
        scores = rows @ self._query(sample)  # (documents)
        if sample.exclude:
            scores = scores - rows @ self._text(sample.exclude)
        if sample.candidates:
            wanted = set(sample.candidates)
            keep = [i for i, name in enumerate(names) if name in wanted]
        else:
            # All that may be among the best k, ties at the border included.
            floor = np.partition(scores, -k)[-k] if k < len(scores) else -np.inf
            keep = np.flatnonzero(scores >= floor).tolist()
        ranked = sorted(((names[i], float(scores[i])) for i in keep), key=lambda item: (-item[1], item[0]))
        return ranked[:k]

    async def match(self, pictures: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
        """(p) paths, (t) texts -> (p, t) cosines."""
        return await asyncio.to_thread(self._match, pictures, texts)

    def _match(self, pictures: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
        self._encode_pictures(pictures)
        self._encode_texts(texts)
        seen = np.stack([self._pictures[path] for path in pictures])
        read = np.stack([self._texts[text] for text in texts])
        cosines: list[list[float]] = (seen @ read.T).tolist()
        return cosines

    async def alike(self, pictures: Sequence[str], others: Sequence[str]) -> list[list[float]]:
        """(p) paths, (o) paths -> (p, o) cosines."""
        return await asyncio.to_thread(self._alike, pictures, others)

    def _alike(self, pictures: Sequence[str], others: Sequence[str]) -> list[list[float]]:
        self._encode_pictures([*pictures, *others])
        ours = np.stack([self._pictures[path] for path in pictures])
        theirs = np.stack([self._pictures[path] for path in others])
        cosines: list[list[float]] = (ours @ theirs.T).tolist()
        return cosines

    def describe(self) -> Mapping[str, Any]:
        """Name and fingerprint of the encoder."""
        return {"encoder": self.encoder.name, "encoder_fingerprint": self.encoder.fingerprint}

    async def close(self) -> None:
        """Nothing to let go of."""

    # ---- vectors, each encoded once

    def _document(self, document: Document) -> Rows:
        parts = [self._pictures[document.image]] if document.image else []
        parts += [self._texts[document.text]] if document.text else []
        if not parts:
            raise CallerError(f"document {document.id!r} has neither text nor picture")
        return _unit(np.sum(parts, axis=0))

    def _query(self, sample: Sample) -> Rows:
        parts = [self._text(sample.text)] if sample.text.strip() else []
        self._encode_pictures(sample.images)
        parts += [self._pictures[path] for path in sample.images]
        if not parts:
            raise CallerError(f"sample {sample.id!r} has neither text nor picture to search with")
        return _unit(np.sum(parts, axis=0))

    def _text(self, text: str) -> Rows:
        self._encode_texts([text])
        return self._texts[text]

    def _encode_texts(self, texts: Sequence[str]) -> None:
        fresh = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if fresh:
            self._texts |= dict(zip(fresh, self.encoder.encode_text(fresh), strict=True))

    def _encode_pictures(self, paths: Sequence[str]) -> None:
        fresh = [path for path in dict.fromkeys(paths) if path not in self._pictures]
        for part in _batches(fresh):
            rows = self.encoder.encode_images([picture(path) for path in part])
            self._pictures |= dict(zip(part, rows, strict=True))


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), _BATCH):
        yield paths[start : start + _BATCH]


def _unit(row: Rows) -> Rows:
    scaled: Rows = (row / max(float(np.linalg.norm(row)), 1e-12)).astype(np.float32)
    return scaled
