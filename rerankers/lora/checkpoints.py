"""The state of a training in one safetensors file, replaced as a whole: a kill leaves the old one or the new one."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Checkpoint", "load", "save"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Tensors by name, and everything else as JSON."""

    tensors: Mapping[str, "Tensor"]
    state: Mapping[str, Any]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write beside, flush to the disk, then replace."""
    from safetensors.torch import save_file

    fresh = path.with_name(path.name + ".new")
    save_file(
        {name: tensor.detach().contiguous() for name, tensor in checkpoint.tensors.items()},
        fresh,
        metadata={"state": json.dumps(checkpoint.state)},
    )
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(fresh, path)


def load(path: Path) -> Checkpoint | None:
    """The checkpoint, or None where there is none.

    Raises:
        ModelError: damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as opened:
            state = json.loads(opened.metadata()["state"])
            return Checkpoint(tensors={name: opened.get_tensor(name) for name in opened.keys()}, state=state)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"checkpoint {str(path)!r} is damaged ({error}); begin again with --fresh") from error
