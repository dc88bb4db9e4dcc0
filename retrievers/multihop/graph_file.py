"""A folder with arrays (safetensors) and facts (JSON) that belong together; nothing in it is unpickled.

The arrays' file is named by its content and written first, the facts name it and are renamed into place last: a crash
leaves the old pair or the new one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, CollectionCorrupt, ExtraMissing
from foveate.ids import file_digest
from foveate.memory.durable import write_durably

__all__ = ["FACTS", "read_pair", "write_pair"]

FACTS = "graph.json"
_ARRAYS = "arrays-{}.safetensors"
_MAX_HEADER_BYTES = 1 << 20
"""A few arrays take some hundred bytes; a header that claims more is none of ours."""
_MAX_FACTS_BYTES = 2 << 30
"""Beyond a million chunks' questions."""


def write_pair(folder: Path, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write both; what stood there before is replaced as a whole.

    Raises:
        ExtraMissing: without safetensors.
        ServiceError: the disk is full or cannot be written; the old pair is untouched.
    """
    try:
        from safetensors.numpy import save
    except ModuleNotFoundError as error:
        raise ExtraMissing("safetensors", "embedded") from error
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / _ARRAYS.format("new")
    # safetensors writes the buffer as it lies: a transposed view would come back scrambled.
    raw = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    write_durably(draft, lambda stream: stream.write(raw))
    whole = file_digest(draft)
    kept = folder / _ARRAYS.format(whole[:16])
    draft.replace(kept)
    body = {**facts, "arrays": {"file": kept.name, "sha256": whole, "bytes": kept.stat().st_size}}
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    write_durably(folder / FACTS, lambda stream: stream.write(text.encode("utf-8")))
    for old in folder.glob(_ARRAYS.format("*")):
        if old != kept:
            old.unlink(missing_ok=True)


def read_pair(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read both; sizes and the digest are checked before anything is parsed as arrays.

    Raises:
        CallerError: there is none.
        CollectionCorrupt: one is missing, cut off, changed or something else.
        ExtraMissing: without safetensors.
    """
    path = folder / FACTS
    if not path.is_file():
        raise CallerError(f"no passage graph in {str(folder)!r}; make it with: foveate graph build -c NAME")
    if path.stat().st_size > _MAX_FACTS_BYTES:
        raise _damaged(path, f"{path.stat().st_size} bytes are more than {_MAX_FACTS_BYTES}")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        named = facts["arrays"]
        name, size, whole = str(named["file"]), int(named["bytes"]), str(named["sha256"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if name != _ARRAYS.format(whole[:16]) or not whole.isalnum():
        raise _damaged(path, f"it names the arrays {name!r}")
    return facts, _arrays(folder / name, size, whole)


def _arrays(path: Path, size: int, whole: str) -> dict[str, NDArray[Any]]:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise ExtraMissing("safetensors", "embedded") from error
    try:
        held = path.stat().st_size
        if held != size:
            raise _damaged(path, f"{held} bytes instead of {size}")
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise _damaged(path, f"its header claims {length} bytes")
        if file_digest(path) != whole:
            raise _damaged(path, "its content changed")
        with safe_open(path, framework="numpy") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _damaged(path: Path, what: str) -> CollectionCorrupt:
    return CollectionCorrupt(f"passage graph {str(path)!r} is damaged ({what}); make it anew: foveate graph build")
