"""A collection: one folder with a manifest, a ledger, a vector store and conversation threads."""

import json
import logging
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from foveate.errors import CallerError, CollectionCorrupt, EncoderMismatch, ServiceError
from foveate.memory.durable import write_durably
from foveate.memory.filters import INDEXED
from foveate.memory.ledger import Ledger
from foveate.memory.lock import ProcessLock
from foveate.memory.open_store import open_store
from foveate.memory.store import Store, StoreSpec
from foveate.settings import StoreSettings

__all__ = ["Collection", "EncoderInfo", "list_collections", "read_encoder"]

_LOG = logging.getLogger(__name__)
_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderInfo:
    """Which encoder made the vectors."""

    name: str
    fingerprint: str
    """Hash of its weights and preprocessing: the same name with other weights is another encoder."""
    dim: int


class Collection:
    """Open it with :meth:`open`; it is a context manager. One process at a time."""

    def __init__(self, folder: Path, encoder: EncoderInfo, store: Store, ledger: Ledger, lock: ProcessLock) -> None:
        self.folder = folder
        self.encoder = encoder
        self.store = store
        self.ledger = ledger
        self._lock = lock

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def threads_path(self) -> Path:
        """SQLite file of the conversation checkpoints."""
        return self.folder / "threads.sqlite"

    @classmethod
    def open(
        cls, home: Path, name: str, encoder: EncoderInfo | None, settings: StoreSettings, *, create: bool = False
    ) -> Self:
        """Open or make a collection, and mend what a kill left half done.

        Args:
            home: folder of all collections.
            name: letters, digits, dot, dash and underscore.
            encoder: who will encode queries and media; None opens for looking only.
            settings: which store.
            create: make it when it is not there (needs ``encoder``).

        Raises:
            CallerError: bad name, or nothing there and ``create`` is false.
            EncoderMismatch: made with another encoder.
            CollectionBusy: open in another process.
            CollectionCorrupt: manifest, ledger or store damaged.
        """
        folder = home / _checked(name)
        manifest = folder / "collection.json"
        if not manifest.exists() and not (create and encoder):
            known = ", ".join(list_collections(home)) or "none"
            raise CallerError(f"no collection {name!r} in {str(home)!r} (there: {known}); make it with: foveate index")
        _make_private(folder)
        lock = ProcessLock(folder)
        lock.acquire()
        try:
            info = _manifest(manifest, encoder)
            spec = StoreSpec(dense={"image": info.dim, "text": info.dim}, indexed=INDEXED)
            store = open_store(settings, folder / "store", spec)
            try:
                collection = cls(folder, info, store, Ledger(folder / "ledger.sqlite"), lock)
            except BaseException:
                store.close()
                raise
            collection.recover()
        except BaseException:
            lock.release()
            raise
        return collection

    def recover(self) -> None:
        """Bring store and ledger together again.

        Media that a kill left unfinished go; so do those whose points the store has lost (a folder removed by hand,
        a snapshot put back), and points that no media owns. The next index run reads what is missing anew.
        """
        unfinished = self.ledger.unfinished()
        if unfinished:
            self.remove(unfinished)
        if self.store.count() == self.ledger.counts()["chunks"]:
            return
        held = {point.id for point in self.store.scroll()}
        promised = set(self.ledger.all_chunk_ids())
        lost = self.ledger.media_of(promised - held)
        _LOG.warning("collection %r: %d media lost points and must be indexed again", self.name, len(lost))
        self.store.delete(sorted(held - promised))
        self.remove(lost)

    def remove(self, media: Mapping[str, Iterable[str]]) -> None:
        """Delete the points of these media (id -> chunk ids), then their rows."""
        self.store.delete([chunk for chunks in media.values() for chunk in chunks])
        self.store.flush()
        self.ledger.forget(media)

    def missing(self) -> list[str]:
        """Chunk ids that the ledger promises and the store does not hold."""
        held = {point.id for point in self.store.scroll()}
        return [chunk for chunk in self.ledger.all_chunk_ids() if chunk not in held]

    def close(self) -> None:
        """Flush and release everything."""
        try:
            self.store.close()
        finally:
            self.ledger.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def destroy(home: Path, name: str) -> None:
        """Delete a collection's folder; the user's media are not touched."""
        folder = home / _checked(name)
        if not (folder / "collection.json").exists():
            raise CallerError(f"no collection {name!r} in {str(home)!r}")
        with ProcessLock(folder):
            # The manifest goes first: a half-deleted collection must not look like one.
            (folder / "collection.json").unlink()
            shutil.rmtree(folder)


def list_collections(home: Path) -> list[str]:
    """Names of the collections in a folder, sorted."""
    return sorted(path.parent.name for path in home.glob("*/collection.json"))


def read_encoder(home: Path, name: str) -> EncoderInfo | None:
    """The encoder a collection was made with; None when there is no such collection."""
    path = home / _checked(name) / "collection.json"
    return _parse(path) if path.exists() else None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CallerError(f"collection name {name!r} must be 1 to 64 letters, digits, '.', '_' or '-'")
    return name


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise ServiceError(f"cannot write collection folder {str(folder)!r}: {error.strerror}") from error


def _manifest(path: Path, encoder: EncoderInfo | None) -> EncoderInfo:
    if not path.exists():
        assert encoder is not None  # Collection.open let nobody else through
        body = {"format": _FORMAT, "encoder": asdict(encoder)}
        text = json.dumps(body, indent=2) + "\n"
        write_durably(path, lambda stream: stream.write(text.encode("utf-8")))
        return encoder
    held = _parse(path)
    if encoder is not None and encoder != held:
        raise EncoderMismatch(path.parent.name, _label(held), _label(encoder))
    return held


def _parse(path: Path) -> EncoderInfo:
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] != _FORMAT:
            raise CollectionCorrupt(f"{str(path)!r} is of format {body['format']!r}; this foveate reads {_FORMAT!r}")
        return EncoderInfo(**body["encoder"])
    except (ValueError, KeyError, TypeError) as error:
        raise CollectionCorrupt(f"manifest {str(path)!r} is damaged ({error}); index into a new collection") from error


def _label(info: EncoderInfo) -> str:
    return f"{info.name} ({info.fingerprint[:8]}, {info.dim} dimensions)"
