"""The ledger: what was indexed, from which files, into which chunks. It is the only truth about a collection.

A media goes *pending* (with its chunk ids, committed before any point is written) -> *done* (committed after the
store's flush). A kill in between leaves pending rows, whose points the next opening removes. Removal goes the
same way: *doomed* first, then the points, then the rows.

SQLite with WAL and ``synchronous=FULL``: a commit survives SIGKILL and power loss. One connection writes, under
the collection's process lock, since SQLite below 3.51.3 may corrupt a WAL that two connections reset at once.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.errors import CollectionCorrupt, ServiceError

__all__ = ["Entry", "Ledger", "SkippedRow", "SourceRow"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'doomed')),
    recipe TEXT NOT NULL, kind TEXT NOT NULL, notes TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (
    id TEXT PRIMARY KEY, media TEXT NOT NULL REFERENCES media (id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunks_of_media ON chunks (media);
CREATE TABLE IF NOT EXISTS sources (
    path TEXT PRIMARY KEY, media TEXT NOT NULL REFERENCES media (id), stamp TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sources_of_media ON sources (media);
CREATE TABLE IF NOT EXISTS skipped (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID;
"""
_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceRow:
    """A file as it was when indexed."""

    path: str
    media: str
    stamp: str
    """Size and modification time of the file and its sidecars; equal stamps mean unchanged."""
    recipe: str
    """Recipe its media was cut and encoded with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedRow:
    """A file that could not be indexed, and why."""

    path: str
    stamp: str
    code: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A media about to be written."""

    id: str
    kind: str
    recipe: str
    chunk_ids: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Ledger:
    """One SQLite file. All methods raise ``CollectionCorrupt`` or ``ServiceError`` when SQLite fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._guard():
            # The lock of the collection keeps other processes out; one agent may use its ledger from two threads.
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.execute("PRAGMA trusted_schema=OFF")
            self._db.execute("PRAGMA busy_timeout=5000")
            self._check()
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # ---- what is there

    def source(self, path: str) -> SourceRow | None:
        """The file as last indexed, if it was."""
        row = self._one(
            "SELECT s.path, s.media, s.stamp, m.recipe FROM sources s JOIN media m ON m.id = s.media "
            "WHERE s.path = ? AND m.state = 'done'",
            path,
        )
        return SourceRow(path=row[0], media=row[1], stamp=row[2], recipe=row[3]) if row else None

    def sources(self) -> Iterator[tuple[str, str]]:
        """Every (path, media id), by path."""
        yield from ((path, media) for path, media in self._all("SELECT path, media FROM sources ORDER BY path"))

    def paths(self, media: str) -> tuple[str, ...]:
        """Where a media was found, sorted."""
        return tuple(row[0] for row in self._all("SELECT path FROM sources WHERE media = ? ORDER BY path", media))

    def is_done(self, media: str, recipe: str) -> bool:
        """True when the media is indexed under this recipe."""
        return (
            self._one("SELECT 1 FROM media WHERE id = ? AND state = 'done' AND recipe = ?", media, recipe) is not None
        )

    def chunk_ids(self, media: str) -> tuple[str, ...]:
        """Chunk ids of a media, sorted."""
        return tuple(row[0] for row in self._all("SELECT id FROM chunks WHERE media = ? ORDER BY id", media))

    def all_chunk_ids(self) -> Iterator[str]:
        """Chunk ids of every finished media, sorted."""
        query = "SELECT c.id FROM chunks c JOIN media m ON m.id = c.media WHERE m.state = 'done' ORDER BY c.id"
        yield from (row[0] for row in self._all(query))

    def media_of(self, chunk_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The media these chunks belong to, each with all its chunk ids."""
        found = (self._one("SELECT media FROM chunks WHERE id = ?", chunk) for chunk in chunk_ids)
        return {media: self.chunk_ids(media) for media in sorted({row[0] for row in found if row})}

    def skipped(self) -> list[SkippedRow]:
        """Files that could not be indexed, by path."""
        rows = self._all("SELECT path, stamp, code, reason FROM skipped ORDER BY path")
        return [SkippedRow(path=p, stamp=s, code=c, reason=r) for p, s, c, r in rows]

    def skipped_row(self, path: str) -> SkippedRow | None:
        """Why this file was left out last time, if it was."""
        row = self._one("SELECT path, stamp, code, reason FROM skipped WHERE path = ?", path)
        return SkippedRow(path=row[0], stamp=row[1], code=row[2], reason=row[3]) if row else None

    def notes(self) -> list[tuple[str, tuple[str, ...]]]:
        """(path, notes) of the files that have any, by path."""
        query = (
            "SELECT s.path, m.notes FROM sources s JOIN media m ON m.id = s.media WHERE m.notes != '[]' ORDER BY s.path"
        )
        return [(path, tuple(json.loads(notes))) for path, notes in self._all(query)]

    def counts(self) -> Mapping[str, int]:
        """Numbers of files, media by kind, chunks and skipped files."""
        kinds = {
            f"media_{kind}": number
            for kind, number in self._all("SELECT kind, count(*) FROM media WHERE state = 'done' GROUP BY kind")
        }
        tables = ("sources", "chunks", "skipped")
        return kinds | {table: self._all(f"SELECT count(*) FROM {table}")[0][0] for table in tables}

    def unfinished(self) -> dict[str, tuple[str, ...]]:
        """Media that a kill left pending or doomed, with their chunk ids."""
        rows = self._all("SELECT id FROM media WHERE state != 'done' ORDER BY id")
        return {row[0]: self.chunk_ids(row[0]) for row in rows}

    # ---- what changes it

    def begin(self, entries: Iterable[Entry]) -> None:
        """Commit media as pending, before their points are written. A known media keeps its old chunks too."""
        with self._transaction():
            for entry in entries:
                self._db.execute(
                    "INSERT INTO media VALUES (?, 'pending', ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                    "state = 'pending', recipe = excluded.recipe, notes = excluded.notes",
                    (entry.id, entry.recipe, entry.kind, json.dumps(entry.notes)),
                )
                self._db.executemany(
                    "INSERT OR IGNORE INTO chunks VALUES (?, ?)", [(chunk, entry.id) for chunk in entry.chunk_ids]
                )

    def finish(self, entries: Sequence[Entry], links: Iterable[tuple[str, str, str]]) -> list[str]:
        """Commit media as done and link files to them, after the store's flush.

        Args:
            entries: media whose points are durable now; chunks of theirs that are not listed are forgotten.
            links: (path, media id, stamp) of the files.

        Returns:
            Media that lost their last file by this; they are doomed now and their points must go.
        """
        with self._transaction():
            for entry in entries:
                self._db.execute("UPDATE media SET state = 'done' WHERE id = ?", (entry.id,))
                stale = set(self.chunk_ids(entry.id)) - set(entry.chunk_ids)
                self._db.executemany("DELETE FROM chunks WHERE id = ?", [(chunk,) for chunk in sorted(stale)])
            for path, media, stamp in links:
                self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", (path, media, stamp))
                self._db.execute("DELETE FROM skipped WHERE path = ?", (path,))
            return self._doom_orphans()

    def unlink(self, paths: Iterable[str]) -> list[str]:
        """Forget files. Returns the media that lost their last one, doomed."""
        with self._transaction():
            rows = [(path,) for path in paths]
            self._db.executemany("DELETE FROM sources WHERE path = ?", rows)
            self._db.executemany("DELETE FROM skipped WHERE path = ?", rows)
            return self._doom_orphans()

    def forget(self, media: Iterable[str]) -> None:
        """Drop media whose points are gone, with the files still linked to them."""
        rows = [(name,) for name in media]
        with self._transaction():
            for table in ("sources", "chunks"):
                self._db.executemany(f"DELETE FROM {table} WHERE media = ?", rows)
            self._db.executemany("DELETE FROM media WHERE id = ?", rows)

    def skip(self, rows: Iterable[SkippedRow]) -> list[str]:
        """Record files that cannot be indexed; what they held before is doomed and returned."""
        with self._transaction():
            for row in rows:
                self._db.execute("DELETE FROM sources WHERE path = ?", (row.path,))
                self._db.execute(
                    "INSERT OR REPLACE INTO skipped VALUES (?, ?, ?, ?)", (row.path, row.stamp, row.code, row.reason)
                )
            return self._doom_orphans()

    # ---- inside

    def _doom_orphans(self) -> list[str]:
        query = "SELECT id FROM media m WHERE state = 'done' AND NOT EXISTS (SELECT 1 FROM sources WHERE media = m.id)"
        orphans = [row[0] for row in self._all(query)]
        self._db.executemany("UPDATE media SET state = 'doomed' WHERE id = ?", [(name,) for name in orphans])
        return orphans

    def _check(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise CollectionCorrupt(
                f"ledger {str(self._path)!r} is of version {version!r}; this foveate reads {_VERSION!r}"
            )
        found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)

    def _one(self, query: str, *values: str) -> tuple[Any, ...] | None:
        with self._guard():
            row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
            return row

    def _all(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        # Rows are fetched at once: an open cursor would hold the WAL back.
        with self._guard():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guard():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise ServiceError(f"ledger {str(self._path)!r}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise CollectionCorrupt(
                f"ledger {str(self._path)!r} is damaged ({error}); move the collection's folder away and index again"
            ) from error
