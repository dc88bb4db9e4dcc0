"""From files to stored points: only what changed, in batches, resumable at any moment.

Order of commits for a batch (see :mod:`foveate.memory.ledger`): media pending in the ledger -> points into the
store -> flush -> media done in the ledger. Progress counts a file only after the last step.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import MediaError
from foveate.heap import give_back
from foveate.ids import CHUNK_RECIPE, digest
from foveate.media.discover import absolute, discover
from foveate.media.pieces import Limits, Pixels, Probe, Reading, ReadOptions, Skipped, Source
from foveate.media.pool import DecoderPool
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.collection import Collection
from foveate.memory.ledger import Entry, SkippedRow
from foveate.memory.store import Point
from foveate.records import Chunk, Media
from foveate.retrievers.points import chunks_of, dense_text, lexical_text, path_payload, payload_of
from foveate.retrievers.progress import IndexProgress, IndexReport
from foveate.retrievers.protocols import Encoder

__all__ = ["Indexer", "stamp_of"]

_LOG = logging.getLogger(__name__)
_BATCH = 64
"""Chunks per encoder call. 64 pictures of 512 px hold 50 MB."""
_FIRST_BATCH = 16
"""The first call's, doubled from call to call: the encoder starts 0.1 s sooner, while the decoders fill the rest."""
_COMMIT_CHUNKS = 4096
_COMMIT_S = 10.0
"""A commit costs a store flush (0.1 to 0.4 s of fsync, the interpreter held) and a ledger fsync: 1 to 4 % of ten
seconds. Every 512 chunks, which a fast machine encodes in 4 s, it was 2 to 10 %."""

Job = tuple[Source, Probe, int]
Item = TypeVar("Item")
Input = TypeVar("Input")


@dataclass(kw_only=True, slots=True)
class _Building:
    """A media on its way into the store."""

    media: Media
    parts: int
    links: dict[str, str]
    """Path -> stamp."""
    old_ids: tuple[str, ...]
    notes: list[str]
    ids: list[str] = field(default_factory=list)
    unwritten: int = 0
    parts_read: int = 0
    failures: list[MediaError] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _Tally:
    total: int = 0
    indexed: int = 0
    unchanged: int = 0
    linked: int = 0
    chunks: int = 0
    skipped: list[SkippedRow] = field(default_factory=list)
    notes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


class Indexer:
    """Indexes files into one collection. Make one per run."""

    def __init__(
        self,
        collection: Collection,
        encoder: Encoder,
        *,
        options: ReadOptions,
        limits: Limits,
        decoders: int = 1,
        progress: Callable[[IndexProgress], None] | None = None,
        commit_chunks: int = _COMMIT_CHUNKS,
        commit_s: float = _COMMIT_S,
    ) -> None:
        self._collection = collection
        self._ledger = collection.ledger
        self._store = collection.store
        self._encoder = encoder
        self._options = options
        self._limits = limits
        self._decoders = decoders
        self._progress = progress or (lambda _: None)
        self._commit_chunks = commit_chunks
        self._commit_s = commit_s
        self._terms = Bm25Terms()
        self._recipe = digest(str(CHUNK_RECIPE), repr(sorted(asdict(options).items())), encoder.fingerprint)
        self._tally = _Tally()
        self._building: dict[str, _Building] = {}
        self._batch: list[tuple[_Building, Chunk, Pixels | None]] = []
        self._batch_size = _FIRST_BATCH
        self._ready: list[_Building] = []
        self._links: dict[str, tuple[str, str]] = {}
        self._skips: list[SkippedRow] = []
        self._uncommitted = 0
        self._committed_at = time.monotonic()

    def run(self, paths: Sequence[Path], *, prune: bool = False) -> IndexReport:
        """Index files and folders.

        Args:
            paths: files and folders; folders are walked.
            prune: forget files under ``paths`` that are no longer there.

        Raises:
            CallerError: a path that does not exist; nothing was read then.
            ServiceError: disk full or store failure; what was reported done is safe, run again to go on.
        """
        start = time.monotonic()
        found = discover(paths)
        seen: set[str] = set()
        with DecoderPool(self._limits, self._options, workers=self._decoders) as pool:
            pool.start()
            self._tally.total = sum(1 for _ in found)
            try:
                for job, outcome in pool.read_all(self._jobs(pool, paths, seen)):
                    self._take(job, outcome)
            finally:
                # Also after Ctrl-C or a store error: what is ready is kept where it still can be.
                self._write_batch()
                self._commit()
        pruned = self._prune(paths, seen) if prune else 0
        self._store.optimize()
        tally = self._tally
        return IndexReport(
            indexed=tally.indexed,
            unchanged=tally.unchanged,
            linked=tally.linked,
            pruned=pruned,
            chunks=tally.chunks,
            skipped=tuple(sorted(tally.skipped, key=lambda row: row.path)),
            notes=tuple(tally.notes),
            seconds=time.monotonic() - start,
        )

    def remove(self, paths: Sequence[Path]) -> int:
        """Forget files and folders. Returns how many files went."""
        return self._prune(paths, seen=set())

    # ---- choosing what to read

    def _jobs(self, pool: DecoderPool, paths: Sequence[Path], seen: set[str]) -> Iterator[Job]:
        for source, probe in pool.probe_all(self._changed(paths, seen)):
            stamp = stamp_of(source)
            if isinstance(probe, MediaError):
                self._skip(source.path, stamp, probe)
                continue
            media = probe.media.id
            if media in self._building:
                self._building[media].links[str(source.path)] = stamp
            elif self._ledger.is_done(media, self._recipe):
                self._links[str(source.path)] = (media, stamp)
                self._tally.linked += 1
            else:
                self._building[media] = _Building(
                    media=probe.media,
                    parts=probe.parts,
                    links={str(source.path): stamp},
                    old_ids=self._ledger.chunk_ids(media),
                    notes=list(probe.notes),
                )
                yield from ((source, probe, part) for part in range(probe.parts))

    def _changed(self, paths: Sequence[Path], seen: set[str]) -> Iterator[Source]:
        for found in discover(paths):
            path = str(found.path)
            seen.add(path)
            if isinstance(found, Skipped):
                self._skip(found.path, "", MediaError(found.reason, code=found.code))
                continue
            if not _is_utf8(path):
                self._skip(found.path, "", MediaError("the name is not valid UTF-8", code="media_unreadable"))
                continue
            stamp = stamp_of(found)
            known = self._ledger.source(path)
            if known and (known.stamp, known.recipe) == (stamp, self._recipe):
                self._tally.unchanged += 1
                continue
            failed = self._ledger.skipped_row(path)
            # Permissions come back without a new modification time, so what could not be opened is tried again.
            if failed and failed.stamp == stamp and failed.code != "media_unreadable":
                self._tally.skipped.append(failed)
                continue
            yield found

    # ---- taking what was read

    def _take(self, job: Job, outcome: Reading | MediaError) -> None:
        source, probe, _ = job
        building = self._building[probe.media.id]
        building.parts_read += 1
        if isinstance(outcome, MediaError):
            building.failures.append(outcome)
            building.notes.append(f"part left out: {outcome}")
        else:
            self._add(building, outcome)
        if building.parts_read == building.parts:
            self._complete(source, building)
        if len(self._batch) >= self._batch_size:
            self._write_batch()
        if self._uncommitted >= self._commit_chunks or time.monotonic() - self._committed_at > self._commit_s:
            self._commit()

    def _add(self, building: _Building, reading: Reading) -> None:
        paths = sorted({*building.links, *self._ledger.paths(building.media.id)})
        chunks = chunks_of(building.media, reading.pieces, first=len(building.ids), paths=paths)
        building.notes.extend(reading.notes)
        for chunk, piece in zip(chunks, reading.pieces, strict=True):
            building.ids.append(chunk.id)
            building.unwritten += 1
            self._batch.append((building, chunk, piece.pixels))
            if len(self._batch) >= self._batch_size:
                self._write_batch()

    def _complete(self, source: Source, building: _Building) -> None:
        stamp = building.links[str(source.path)]
        if building.failures and not building.ids:
            self._drop(building, building.failures[0])
        elif stamp_of(source) != stamp:
            self._drop(building, MediaError("the file changed while it was read", code="media_unreadable"))
        else:
            self._ready.append(building)

    def _drop(self, building: _Building, error: MediaError) -> None:
        self._batch = [item for item in self._batch if item[0] is not building]
        if building.ids or building.old_ids:
            self._collection.remove({building.media.id: {*building.ids, *building.old_ids}})
        for path, stamp in building.links.items():
            self._skip(Path(path), stamp, error)
        del self._building[building.media.id]

    def _skip(self, path: Path, stamp: str, error: MediaError) -> None:
        shown = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
        row = SkippedRow(path=shown, stamp=stamp, code=error.code, reason=str(error))
        self._skips.append(row)
        self._tally.skipped.append(row)

    # ---- writing

    def _write_batch(self) -> None:
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        self._batch_size = min(_BATCH, 2 * self._batch_size)
        by_media: dict[str, list[str]] = {}
        for building, chunk, _ in batch:
            by_media.setdefault(building.media.id, []).append(chunk.id)
        self._ledger.begin(self._entry(self._building[media], ids) for media, ids in by_media.items())
        self._store.upsert(self._points(batch))
        for building, _, _ in batch:
            building.unwritten -= 1
        self._uncommitted += len(batch)

    def _points(self, batch: Sequence[tuple[_Building, Chunk, Pixels | None]]) -> list[Point]:
        images = _encode(batch, lambda item: item[2], self._encode_pixels)
        texts = _encode(batch, lambda item: dense_text(item[1]), self._encoder.encode_text)
        points = []
        for i, (_, chunk, _) in enumerate(batch):
            dense = {name: rows[i] for name, rows in (("image", images), ("text", texts)) if i in rows}
            text = lexical_text(chunk)
            points.append(
                Point(
                    id=chunk.id,
                    dense=dense,
                    sparse=self._terms.document(text) if text else None,
                    payload=payload_of(chunk),
                )
            )
        return points

    def _encode_pixels(self, arrays: Sequence[Pixels]) -> NDArray[np.float32]:
        return self._encoder.encode_images([Image.fromarray(array) for array in arrays])

    def _entry(self, building: _Building, ids: Sequence[str]) -> Entry:
        return Entry(
            id=building.media.id,
            kind=building.media.kind,
            recipe=self._recipe,
            chunk_ids=tuple(ids),
            notes=tuple(building.notes),
        )

    def _commit(self) -> None:
        ready = [building for building in self._ready if building.unwritten == 0]
        self._ready = [building for building in self._ready if building.unwritten > 0]
        for building in ready:
            self._links |= {path: (building.media.id, stamp) for path, stamp in building.links.items()}
        # A file without a single piece (a blank page, say) still counts as read.
        entries = [self._entry(building, building.ids) for building in ready]
        self._ledger.begin(entry for entry in entries if not entry.chunk_ids)
        stale = [name for building in ready for name in set(building.old_ids) - set(building.ids)]
        if stale:
            self._store.delete(sorted(stale))
        self._sync_paths(self._links)
        if ready or self._links:
            self._store.flush()
        links = [(path, media, stamp) for path, (media, stamp) in self._links.items()]
        doomed = self._ledger.finish(entries, links) + self._ledger.skip(self._skips)
        if doomed:
            self._collection.remove({media: self._ledger.chunk_ids(media) for media in doomed})
        self._account(ready)
        give_back()

    def _account(self, ready: Sequence[_Building]) -> None:
        for building in ready:
            self._tally.indexed += len(building.links)
            self._tally.chunks += len(building.ids)
            if building.notes:
                self._tally.notes.extend((path, tuple(building.notes)) for path in building.links)
            del self._building[building.media.id]
        self._links, self._skips = {}, []
        self._uncommitted, self._committed_at = 0, time.monotonic()
        tally = self._tally
        done = tally.indexed + tally.unchanged + tally.linked + len(tally.skipped)
        self._progress(IndexProgress(done=done, total=tally.total, chunks=tally.chunks, skipped=len(tally.skipped)))

    def _sync_paths(self, links: Mapping[str, tuple[str, str]]) -> None:
        """Bring ``paths`` in the payloads up to what the ledger will say once ``links`` are committed."""
        fresh: dict[str, set[str]] = {}
        for path, (media, _) in links.items():
            fresh.setdefault(media, set()).add(path)
            if known := self._ledger.source(path):
                fresh.setdefault(known.media, set())
        for media in sorted(fresh):
            kept = {path for path in self._ledger.paths(media) if links.get(path, (media, ""))[0] == media}
            self._set_paths(media, kept | fresh[media])

    def _set_paths(self, media: str, paths: set[str]) -> None:
        ids = self._ledger.chunk_ids(media)
        first = self._store.get(ids[:1])
        if paths and first and first[0].payload.get("paths") != sorted(paths):
            self._store.set_payload(ids, path_payload(sorted(paths)))

    def _prune(self, roots: Sequence[Path], seen: set[str]) -> int:
        folders = [absolute(root) for root in roots]

        def is_gone(path: str) -> bool:
            return path not in seen and any(Path(path).is_relative_to(root) for root in folders)

        gone = [(path, media) for path, media in self._ledger.sources() if is_gone(path)]
        missing = {path for path, _ in gone}
        for media in sorted({media for _, media in gone}):
            self._set_paths(media, set(self._ledger.paths(media)) - missing)
        self._store.flush()
        left_out = {row.path for row in self._ledger.skipped() if is_gone(row.path)}
        doomed = self._ledger.unlink(missing | left_out)
        if doomed:
            self._collection.remove({media: self._ledger.chunk_ids(media) for media in doomed})
        return len(gone)


def stamp_of(source: Source) -> str:
    """Size and modification time of a file and its sidecars; what is gone counts as such."""
    marks = []
    for path in (source.path, *source.sidecars):
        try:
            facts = path.stat()
            marks.append(f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}")
        except OSError:
            marks.append(f"{path.name}:gone")
    return "|".join(marks)


def _is_utf8(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encode(
    items: Sequence[Item],
    pick: Callable[[Item], Input | None],
    encode: Callable[[Sequence[Input]], NDArray[np.float32]],
) -> dict[int, NDArray[np.float32]]:
    """Encode what ``pick`` finds; rows by position of their item."""
    chosen = [(i, value) for i, item in enumerate(items) if (value := pick(item)) is not None]
    if not chosen:
        return {}
    rows = encode([value for _, value in chosen])
    return {i: row for (i, _), row in zip(chosen, rows, strict=True)}
