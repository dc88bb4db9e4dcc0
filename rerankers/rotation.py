"""Rotary positions of kept keys, moved: a module computed at one place is used at another.

Rotary embedding (RoFormer: Su et al., 2021) turns each pair of a key's numbers by position times frequency, so a key
is moved by turning it once more. Values carry no position.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from foveate.errors import ModelError
from foveate.rerankers.module_cache import ModuleStates

__all__ = ["Rotation"]

_PROBE = 5
_BY = 11
_TOLERANCE = 1e-3


class Rotation:
    """Moves the keys of one model."""

    def __init__(self, model: Any, states: Callable[[list[int], int], ModuleStates], name: str) -> None:
        """Find the model's frequencies and try them out.

        Args:
            model: a transformers model.
            states: (token ids, first position) -> what the model itself computes for them, alone.
            name: of the model, for errors.

        Raises:
            ModelError: the model's keys do not move this way (learnt positions, several rotations, other pairings).
        """
        found = [module.inv_freq for module in model.modules() if isinstance(getattr(module, "inv_freq", None), Tensor)]
        if len(found) != 1:
            raise ModelError(f"model {name!r} has {len(found)} rotary embeddings; modules move with exactly 1")
        self._frequencies: Tensor = found[0].float()
        here, there = (states(list(range(_PROBE)), start) for start in (0, _BY))
        moved = self.moved(here, _BY)
        for (keys, _), (wanted, _) in zip(moved.layers, there.layers, strict=True):
            if not torch.allclose(keys, wanted, atol=_TOLERANCE * float(wanted.abs().max())):
                raise ModelError(f"keys of model {name!r} do not turn as Llama's do; its modules cannot be moved")

    def moved(self, states: ModuleStates, start: int) -> ModuleStates:
        """The states as they are where the first token stands at ``start``."""
        if start == states.start:
            return states
        angles = (start - states.start) * self._frequencies.double()  # [size / 2]
        cos, sin = (wave.repeat(2).float() for wave in (angles.cos(), angles.sin()))  # [size]
        layers = tuple((_turned(keys, cos, sin), values) for keys, values in states.layers)
        return ModuleStates(start=start, layers=layers)


def _turned(keys: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Keys [..., size], of which the first ``len(cos)`` numbers turn, paired by halves."""
    width = len(cos)
    head, rest = keys[..., :width], keys[..., width:]
    one, other = head[..., : width // 2], head[..., width // 2 :]
    return torch.cat([head * cos + torch.cat([-other, one], dim=-1) * sin, rest], dim=-1)
