"""Hashes that say whether two runs saw the same data."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from foveate.evals.samples import Dataset
from foveate.ids import file_digest

__all__ = ["data_sha256", "documents_sha256"]

_WHOLE_BYTES = 64 << 20
_EDGE_BYTES = 1 << 20


def data_sha256(dataset: Dataset) -> str:
    """SHA-256 over samples, documents and the bytes of all media they name.

    Paths themselves do not count: the same benchmark in another folder is the same data. Of a file over 64 MiB its
    size and its first and last MiB count, so that shelves of films are hashed in seconds.
    """
    return _digest(dataset, [asdict(sample) for sample in dataset.samples])


def documents_sha256(dataset: Dataset) -> str:
    """The same over the documents and the samples' films alone: what an index is made of."""
    films = sorted({film for sample in dataset.samples for film in sample.films})
    return _digest(dataset, [{"films": films}] if films else [])


def _digest(dataset: Dataset, samples: list[dict[str, Any]]) -> str:
    state = hashlib.sha256()
    known: dict[str, str] = {}
    for record in (*samples, *(asdict(document) for document in dataset.documents)):
        for key in ("image", "film", "file"):
            if record.get(key):
                record[key] = _media(record[key], known)
        for key in ("images", "films", "image_options"):
            if key in record:
                record[key] = [_media(path, known) for path in record[key]]
        line = json.dumps(record, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        state.update(line.encode("ascii"))
        state.update(b"\n")
    return state.hexdigest()


def _media(path: str, known: dict[str, str]) -> str:
    if path not in known:
        known[path] = _content(Path(path))
    return known[path]


def _content(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size <= _WHOLE_BYTES:
            # Sidecars are content too: they are indexed with the file.
            return "+".join(file_digest(part) for part in (path, *_sidecars(path)))
        with path.open("rb") as stream:
            first = stream.read(_EDGE_BYTES)
            stream.seek(-_EDGE_BYTES, 2)
            return hashlib.sha256(size.to_bytes(8, "big") + first + stream.read()).hexdigest()
    except OSError:
        return "absent"


def _sidecars(path: Path) -> Iterable[Path]:
    beside = (path.with_suffix(suffix) for suffix in (".txt", ".srt", ".vtt"))
    return [part for part in beside if part != path and part.is_file()]
