"""Which base model a folder holds: a digest of what decides its answers, and the shapes of its weights."""

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path

from foveate import models
from foveate.errors import ModelError
from foveate.ids import file_digest
from foveate.rerankers.folders import check_folder

__all__ = ["base_digest", "base_folder", "base_shapes", "layer_key", "sees", "tensor_names"]

# transformers writes its own version and the folder it read into the configuration: the model is the same.
_NO_MATTER = ("_model_name_or_path", "_name_or_path", "transformers_version")
# What transformers, vLLM and older files call the wrappers around layers differs; the rest of a name does not.
_WRAPPERS = frozenset({"base_model", "language_model", "model", "text_model", "vision_model"})


def base_folder(base: str) -> Path:
    """Folder of a fetched model's name, or of a path (a string with a slash).

    Raises:
        ModelMissing: never fetched; names the command that gets it.
    """
    if "/" in base or "\\" in base:
        return Path(base).expanduser()
    return models.path(base)


def base_digest(folder: Path) -> str:
    """SHA-256 over the configuration and the weights, 64 hexadecimal digits.

    The configuration counts without the version that wrote it; weights count byte by byte (0.5 s for SmolLM2, kept
    until size or time of a file changes).

    Raises:
        CallerError: no such folder.
        ModelError: it holds no safe model.
    """
    check_folder(folder)
    state = hashlib.sha256()
    config = json.loads((folder / "config.json").read_bytes())
    plain = {key: value for key, value in config.items() if key not in _NO_MATTER}
    state.update(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())
    for file in sorted(folder.glob("*.safetensors")):
        state.update(f"\0{file.name}\0{_digest(*_stamp(file))}".encode())
    return state.hexdigest()


def base_shapes(folder: Path) -> dict[str, frozenset[tuple[int, ...]]]:
    """Shapes of the weights by :func:`layer_key`, from the headers alone."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        for name, shape in tensor_names(file).items():
            if name.endswith(".weight"):
                found.setdefault(layer_key(name.removesuffix(".weight")), set()).add(shape)
    return {key: frozenset(shapes) for key, shapes in found.items()}


def tensor_names(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in a safetensors file.

    Raises:
        ModelError: the library finds the file damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{str(file)!r} is damaged: {error}") from error


def layer_key(name: str) -> str:
    """A layer's name without the wrappers: ``layers.3.self_attn.q_proj``."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _stamp(file: Path) -> tuple[Path, int, int]:
    found = os.stat(file)
    return file.absolute(), found.st_size, found.st_mtime_ns


@lru_cache(maxsize=64)
def _digest(file: Path, _size: int, _mtime_ns: int) -> str:
    return file_digest(file)


def sees(folder: Path) -> bool:
    """Does the model in ``folder`` take pictures?"""
    check_folder(folder)
    config: dict[str, object] = json.loads((folder / "config.json").read_bytes())
    return "vision_config" in config
