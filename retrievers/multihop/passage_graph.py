"""A graph of passages whose edges are questions (HopRAG: Liu et al. 2025, arXiv 2502.12442).

A vertex is a chunk of the collection. It has questions that it answers and questions that it raises; an edge leads
from a chunk that raises a question to one that answers it. All of it is made at index time: to walk costs no model.
"""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CollectionCorrupt
from foveate.ids import digest
from foveate.memory.store import Store
from foveate.retrievers.multihop.edges import Asked, Edge, match
from foveate.retrievers.multihop.graph_file import read_pair, write_pair
from foveate.retrievers.multihop.pseudo_questions import AsksQuestions, Passage, PseudoQuestion, Questions
from foveate.retrievers.multihop.vertices import Look, passages_of
from foveate.retrievers.points import chunk_of
from foveate.retrievers.protocols import Encoder

__all__ = ["PassageGraph", "Progress", "Way", "fingerprint"]

Progress = Callable[[str, int, int], None]
"""Called with what is done (``asking``, ``encoding``), how much, and of how much."""
_LOG = logging.getLogger(__name__)
_FORMAT = 1
_ASK_BATCH = 64
_ENCODE_BATCH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """An edge as seen from where it starts."""

    source: str
    """Chunk id."""
    target: str
    """Chunk id."""
    raised: PseudoQuestion
    answered: PseudoQuestion
    raised_vector: NDArray[np.float32]
    """(d) unit vector of what ``raised`` means."""
    answered_vector: NDArray[np.float32]
    """(d) unit vector of what ``answered`` means."""
    score: float
    """How well the two match."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PassageGraph:
    """Vertices, questions and edges. Make one with :meth:`build` or :meth:`load`."""

    ids: tuple[str, ...]
    """Chunk ids, sorted."""
    same: tuple[str, ...]
    """One a chunk: digest of its words; equal for chunks that say the same."""
    raised: tuple[Asked, ...]
    """Out-coming questions."""
    answered: tuple[Asked, ...]
    """In-coming questions."""
    vectors: NDArray[np.float16]
    """(r, d) of what the questions mean, each meaning once."""
    edges: tuple[Edge, ...]
    """By source, then best first."""
    encoder: str
    """Fingerprint of the encoder."""
    asker: str
    """Name of what asked."""
    _out: dict[str, list[Edge]] = field(init=False, repr=False, default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for edge in self.edges:
            self._out[self.ids[edge.source]].append(edge)

    @classmethod
    def build(
        cls,
        store: Store,
        encoder: Encoder,
        asker: AsksQuestions,
        *,
        look: Look | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """The graph of all chunks that a store holds.

        The order of the chunks does not change it.

        Args:
            store: of the collection.
            encoder: the collection's.
            asker: makes the questions.
            look: pixels of a chunk, for pictures nobody described; None renders them from their files.
            progress: told how far it is.

        Raises:
            ModelError, ServiceError: the asker's model failed.
        """
        return cls._made(store, encoder, asker, {}, {}, look, progress)

    def update(
        self,
        store: Store,
        encoder: Encoder,
        asker: AsksQuestions,
        *,
        look: Look | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """What :meth:`build` would give now; chunks known already are neither asked about nor encoded again.

        A graph of another encoder or asker is built anew.
        """
        if self.encoder != encoder.fingerprint or self.asker != asker.name:
            return self.build(store, encoder, asker, look=look, progress=progress)
        answers, raises = _by_owner(self.answered), _by_owner(self.raised)
        known = {
            name: (same, Questions(answers=tuple(answers[owner]), raises=tuple(raises[owner])))
            for owner, (name, same) in enumerate(zip(self.ids, self.same, strict=True))
        }
        rows = {one.question.meaning: self.vectors[one.row] for one in (*self.answered, *self.raised)}
        return self._made(store, encoder, asker, known, rows, look, progress)

    @classmethod
    def _made(
        cls,
        store: Store,
        encoder: Encoder,
        asker: AsksQuestions,
        known: Mapping[str, tuple[str, Questions]],
        rows: Mapping[str, NDArray[np.float16]],
        look: Look | None,
        progress: Progress | None,
    ) -> Self:
        tell = progress or (lambda what, done, total: None)
        chunks = sorted((chunk_of(point) for point in store.scroll()), key=lambda chunk: chunk.id)
        fresh = passages_of([chunk for chunk in chunks if chunk.id not in known], encoder, look)
        asked = {**known, **_asked(fresh, asker, tell)}
        groups = [asked[chunk.id][1] for chunk in chunks]
        same = tuple(asked[chunk.id][0] for chunk in chunks)
        meanings = sorted({one.meaning for group in groups for one in (*group.answers, *group.raises)})
        vectors = _encoded(meanings, encoder, rows, tell)
        place = {meaning: row for row, meaning in enumerate(meanings)}
        raised = _placed([group.raises for group in groups], place)
        answered = _placed([group.answers for group in groups], place)
        edges = match(raised, answered, vectors.astype(np.float32), same)
        _LOG.info("passage graph: %d chunks, %d edges", len(chunks), len(edges))
        return cls(
            ids=tuple(chunk.id for chunk in chunks),
            same=same,
            raised=raised,
            answered=answered,
            vectors=vectors,
            edges=tuple(edges),
            encoder=encoder.fingerprint,
            asker=asker.name,
        )

    def __contains__(self, chunk_id: object) -> bool:
        at = bisect_left(self.ids, str(chunk_id))
        return at < len(self.ids) and self.ids[at] == chunk_id

    @property
    def fingerprint(self) -> str:
        """Of the chunks and the encoder; compare with :func:`fingerprint` to see whether the graph is stale."""
        return _fingerprint(self.ids, self.encoder)

    def ways(self, chunk_id: str) -> list[Way]:
        """Where a chunk leads, best match first; empty for a chunk that leads nowhere or is not known."""
        return [self._way(edge) for edge in self._out.get(chunk_id, ())]

    def info(self) -> dict[str, Any]:
        """Counts, for people."""
        return {
            "chunks": len(self.ids),
            "questions_answered": len(self.answered),
            "questions_raised": len(self.raised),
            "edges": len(self.edges),
            "chunks_that_lead_on": len(self._out),
            "asker": self.asker,
            "encoder": self.encoder,
        }

    def save(self, folder: Path) -> None:
        """Write it to a folder of its own, whole or not at all.

        Raises:
            ExtraMissing: without safetensors.
            ServiceError: the disk is full or cannot be written.
        """
        meanings = {one.row: one.question.meaning for one in (*self.raised, *self.answered)}
        facts = {
            "format": _FORMAT,
            "encoder": self.encoder,
            "asker": self.asker,
            "ids": self.ids,
            "same": self.same,
            "meanings": [meanings[row] for row in range(len(self.vectors))],
            "raised": [_row(one) for one in self.raised],
            "answered": [_row(one) for one in self.answered],
        }
        ends = [(edge.source, edge.target, edge.raised, edge.answered) for edge in self.edges]
        arrays: dict[str, NDArray[Any]] = {
            "vectors": self.vectors,
            "edges": np.array(ends, dtype=np.int32).reshape(-1, 4),
            "scores": np.array([edge.score for edge in self.edges], dtype=np.float64),
        }
        write_pair(folder, facts, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            CallerError: there is none.
            CollectionCorrupt: it is damaged, or of another format.
            ExtraMissing: without safetensors.
        """
        facts, arrays = read_pair(folder)
        try:
            if facts["format"] != _FORMAT:
                raise ValueError(f"format {facts['format']!r}; this foveate reads {_FORMAT!r}")
            return cls._read(facts, arrays)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise CollectionCorrupt(
                f"passage graph in {str(folder)!r} is damaged ({type(error).__name__}: {error}); "
                "make it anew: foveate graph build"
            ) from error

    @classmethod
    def _read(cls, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        ids, same, meanings = (tuple(map(str, facts[key])) for key in ("ids", "same", "meanings"))
        vectors, ends, scores = arrays["vectors"], arrays["edges"], arrays["scores"]
        if vectors.dtype != np.float16 or vectors.ndim != 2 or len(vectors) != len(meanings):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(meanings)} meanings")
        if ends.dtype != np.int32 or ends.shape != (len(scores), 4) or len(same) != len(ids):
            raise ValueError(f"edges of shape {ends.shape} for {len(scores)} scores")
        if not (np.isfinite(vectors).all() and np.isfinite(scores).all()):
            raise ValueError("numbers that are not finite")
        raised, answered = (_questions(facts[key], meanings, len(ids)) for key in ("raised", "answered"))
        limits = (len(ids), len(ids), len(raised), len(answered))
        if len(ends) and not ((ends >= 0).all() and (ends < np.array(limits)).all()):
            raise ValueError("an edge leads out of the graph")
        edges = tuple(
            Edge(source=source, target=target, raised=out, answered=into, score=float(score))
            for (source, target, out, into), score in zip(ends.tolist(), scores, strict=True)
        )
        return cls(
            ids=ids,
            same=same,
            raised=raised,
            answered=answered,
            vectors=vectors,
            edges=edges,
            encoder=str(facts["encoder"]),
            asker=str(facts["asker"]),
        )

    def _way(self, edge: Edge) -> Way:
        raised, answered = self.raised[edge.raised], self.answered[edge.answered]
        return Way(
            source=self.ids[edge.source],
            target=self.ids[edge.target],
            raised=raised.question,
            answered=answered.question,
            raised_vector=self.vectors[raised.row].astype(np.float32),
            answered_vector=self.vectors[answered.row].astype(np.float32),
            score=edge.score,
        )


def fingerprint(store: Store, encoder: Encoder) -> str:
    """What :attr:`PassageGraph.fingerprint` is for a graph that fits this collection."""
    return _fingerprint((point.id for point in store.scroll()), encoder.fingerprint)


def _fingerprint(ids: Iterable[str], encoder: str) -> str:
    return digest("passage graph", str(_FORMAT), encoder, *sorted(ids))


def _asked(passages: Mapping[str, Passage], asker: AsksQuestions, tell: Progress) -> dict[str, tuple[str, Questions]]:
    """Chunk id -> digest of its words, and its questions."""
    found: dict[str, tuple[str, Questions]] = {}
    names = list(passages)
    for first in range(0, len(names), _ASK_BATCH):
        batch = names[first : first + _ASK_BATCH]
        for name, questions in zip(batch, asker.ask([passages[name] for name in batch]), strict=True):
            found[name] = _words(name, passages[name]), questions
        tell("asking", len(found), len(names))
    return found


def _words(name: str, passage: Passage) -> str:
    # Two pictures with the same tags are two pictures; two with no words at all do not say the same either.
    return digest("words", " ".join(passage.text.casefold().split())) if passage.text else digest("mute", name)


def _encoded(
    meanings: Sequence[str], encoder: Encoder, rows: Mapping[str, NDArray[np.float16]], tell: Progress
) -> NDArray[np.float16]:
    """(r, d) one row a meaning."""
    vectors = np.zeros((len(meanings), encoder.dim), dtype=np.float16)
    # Equal lengths side by side: a batch is padded to its longest.
    fresh = sorted((i for i, text in enumerate(meanings) if text not in rows), key=lambda i: (len(meanings[i]), i))
    for i, text in enumerate(meanings):
        if text in rows:
            vectors[i] = rows[text]
    for first in range(0, len(fresh), _ENCODE_BATCH):
        batch = fresh[first : first + _ENCODE_BATCH]
        vectors[batch] = encoder.encode_text([meanings[i] for i in batch])
        tell("encoding", first + len(batch), len(fresh))
    return vectors


def _placed(groups: Sequence[Sequence[PseudoQuestion]], place: Mapping[str, int]) -> tuple[Asked, ...]:
    return tuple(
        Asked(owner=owner, question=one, row=place[one.meaning]) for owner, group in enumerate(groups) for one in group
    )


def _by_owner(asked: Iterable[Asked]) -> dict[int, list[PseudoQuestion]]:
    found: dict[int, list[PseudoQuestion]] = defaultdict(list)
    for one in asked:
        found[one.owner].append(one.question)
    return found


def _row(one: Asked) -> list[Any]:
    return [one.owner, one.row, one.question.text, one.question.keywords]


def _questions(rows: Sequence[Sequence[Any]], meanings: Sequence[str], owners: int) -> tuple[Asked, ...]:
    found = []
    for owner, row, text, words in rows:
        if not (0 <= int(owner) < owners and 0 <= int(row) < len(meanings)):
            raise ValueError(f"a question of chunk {owner!r} with vector {row!r}")
        question = PseudoQuestion(text=str(text), keywords=tuple(map(str, words)), meaning=meanings[row])
        found.append(Asked(owner=owner, question=question, row=row))
    return tuple(found)
