"""Fitted arrays on disk: one safetensors file with the facts they belong to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, EncoderMismatch, ExtraMissing, ModelError

__all__ = ["read_tensors", "write_tensors"]

Array = NDArray[np.float64]
_MAX_BYTES = 64_000_000


def write_tensors(path: Path, tensors: Mapping[str, NDArray[np.floating]], facts: Mapping[str, Any]) -> None:
    """Write arrays as float16, with facts of which ``kind`` and ``encoder`` (a fingerprint) are needed to read them.

    Raises:
        CallerError: a value is not finite, or too large for float16.
        ExtraMissing: without safetensors.
    """
    try:
        from safetensors.numpy import save_file
    except ModuleNotFoundError as error:
        raise ExtraMissing("safetensors", "embedded") from error
    for name, value in tensors.items():
        if not np.isfinite(value).all() or np.abs(value).max(initial=0.0) > np.finfo(np.float16).max:
            raise CallerError(f"array {name!r} for {path.name!r} holds values that float16 cannot")
    path.parent.mkdir(parents=True, exist_ok=True)
    # One key: safetensors writes several in an order that changes from run to run. A transposed view would come back
    # scrambled: it writes the buffer as it lies.
    stored = {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in tensors.items()}
    save_file(stored, path, metadata={"foveate": json.dumps(dict(facts), sort_keys=True)})


def read_tensors(path: Path, *, kind: str, encoder: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `write_tensors` wrote, as float64, with its facts.

    Args:
        path: the file.
        kind: what it must be.
        encoder: fingerprint of the encoder whose vectors it will meet.

    Raises:
        CallerError: there is no such file.
        ModelError: it is damaged or of another kind.
        EncoderMismatch: it was fitted to vectors of another encoder.
        ExtraMissing: without safetensors.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise ExtraMissing("safetensors", "embedded") from error
    if not path.is_file():
        raise CallerError(f"no fitted arrays at {str(path)!r}")
    if path.stat().st_size > _MAX_BYTES:
        raise ModelError(f"{str(path)!r} has {path.stat().st_size} bytes; at most {_MAX_BYTES} are read")
    try:
        with safe_open(path, framework="numpy") as opened:
            facts = json.loads((opened.metadata() or {})["foveate"])
            tensors = {name: opened.get_tensor(name).astype(np.float64) for name in opened.keys()}
        found, made_with = str(facts["kind"]), str(facts["encoder"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error}") from error
    if found != kind:
        raise ModelError(f"{str(path)!r} is of kind {found!r}; needed is {kind!r}")
    if made_with != encoder:
        raise EncoderMismatch(str(path), made_with, encoder)
    if any(not np.isfinite(value).all() for value in tensors.values()):
        raise ModelError(f"{str(path)!r} holds values that are not finite")
    return tensors, facts
