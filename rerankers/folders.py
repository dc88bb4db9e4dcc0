"""Model folders that are safe to load: safetensors and plain JSON only, checked before anything reads them.

Checkpoints have carried code as pickles (CVE-2025-32434), as ``auto_map`` (CVE-2025-66448) and as adapters
that name another base; none of these gets as far as transformers.
"""

import json
import os
from pathlib import Path
from typing import Any

from foveate.errors import CallerError, ModelError

__all__ = ["check_folder"]

UNSAFE = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")
MAX_HEADER_BYTES = 10_000_000
"""A header of SmolLM2 has 31 kB; the safetensors library itself would take 100 MB."""
# The vocabulary is data of megabytes that nothing looks for code in.
_NO_CODE = ("tokenizer.json", "vocab.json")


def check_folder(folder: Path) -> None:
    """Raise unless ``folder`` holds a model that can be loaded without running code of its own.

    Raises:
        CallerError: no such folder.
        ModelError: unsafe or damaged; names the file.
    """
    if not folder.is_dir():
        raise CallerError(f"no model folder at {str(folder)!r}")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{str(folder)!r} is no model folder: it has no config.json")
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{str(folder / 'adapter_config.json')!r}: this is an adapter, which may name any base model; "
            "merge it into its base and use that folder"
        )
    for file in sorted(folder.glob("*.json")):
        if file.name not in _NO_CODE and _has_key(_json(file), "auto_map"):
            raise ModelError(f"{str(file)!r} has 'auto_map', which asks to run code from the model folder; refused")
    _check_weights(folder)


def _check_weights(folder: Path) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    unsafe = sorted(file.name for file in folder.iterdir() if file.suffix in UNSAFE)
    if not weights:
        found = f"only {', '.join(map(repr, unsafe))}, which may run code when loaded" if unsafe else "none"
        raise ModelError(f"{str(folder)!r} needs weights as .safetensors; found {found}")
    for file in weights:
        _check_header(file)


def _check_header(file: Path) -> None:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        size = os.fstat(opened.fileno()).st_size
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        raise ModelError(f"{str(file)!r} is damaged: its header claims {length} bytes in a file of {size}")


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{str(file)!r} is not JSON: {error}") from error


def _has_key(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_has_key(item, key) for item in value.values())
    return isinstance(value, list) and any(_has_key(item, key) for item in value)
