"""What a run in progress has done: one line a sample, appended as it ends, read again after a kill."""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from foveate.errors import CollectionCorrupt

__all__ = ["Journal", "finished_lines"]

_SYNC_S = 1.0


class Journal:
    """Lines of JSON by sample id.

    Each line is handed to the operating system before :meth:`add` returns: a killed process loses nothing. Against
    power loss the file is synced once a second.
    """

    def __init__(self, path: Path) -> None:
        """Open, and drop what a kill left half written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lines = self._read()
        self._stream = path.open("ab")
        self._lock = threading.Lock()
        self._synced = time.monotonic()

    @property
    def done(self) -> Mapping[str, Mapping[str, Any]]:
        """Id -> line, of all that is done."""
        return self._lines

    def add(self, line: Mapping[str, Any]) -> None:
        """Append one sample's line; ``line["id"]`` names it."""
        raw = json.dumps(line, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock:
            self._stream.write(raw)
            self._stream.flush()
            self._lines[str(line["id"])] = dict(line)
            if time.monotonic() - self._synced > _SYNC_S:
                os.fsync(self._stream.fileno())
                self._synced = time.monotonic()

    def forget(self, ids: set[str]) -> None:
        """Take lines back, so that their samples run again."""
        with self._lock:
            self._lines = {name: line for name, line in self._lines.items() if name not in ids}
            self._stream.close()
            kept = "".join(json.dumps(line, sort_keys=True) + "\n" for line in self._lines.values())
            scratch = self._path.with_suffix(".new")
            scratch.write_text(kept, encoding="ascii")
            scratch.replace(self._path)
            self._stream = self._path.open("ab")

    def close(self) -> None:
        """Sync and close."""
        with self._lock:
            if not self._stream.closed:
                os.fsync(self._stream.fileno())
                self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            return {}
        raw = self._path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            with self._path.open("r+b") as stream:
                stream.truncate(whole)
        lines: dict[str, dict[str, Any]] = {}
        for number, text in enumerate(raw[:whole].splitlines(), 1):
            try:
                line = json.loads(text)
                lines[str(line["id"])] = line
            except (ValueError, KeyError, TypeError):
                raise CollectionCorrupt(
                    f"journal {str(self._path)!r}, line {number} is damaged; delete the file to run the task again"
                ) from None
        return lines


def finished_lines(out: Path, task: str) -> list[dict[str, Any]]:
    """Journal lines of a task that a complete run holds; none where there are no results."""
    results, costs = out / f"{task}.jsonl", out / "costs.jsonl"
    if not (results.exists() and costs.exists()):
        return []
    spent = {(cost["task"], cost["id"]): cost for cost in map(json.loads, costs.read_text("utf-8").splitlines())}
    return [
        {"id": line["id"], "output": line["output"], "error": line["error"], "cost": spent[task, line["id"]]}
        for line in map(json.loads, results.read_text("utf-8").splitlines())
    ]
