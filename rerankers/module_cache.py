"""Attention states of prompt modules, kept within a budget of bytes; what was used longest ago goes first."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from foveate.ids import digest

__all__ = ["ModuleCache", "ModuleStates", "module_key"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleStates:
    """Keys and values of one module at its positions."""

    start: int
    """Position of its first token."""
    layers: tuple[tuple[Tensor, Tensor], ...]
    """Keys (rotated to their positions) and values of each layer, [1, heads, tokens, size]."""

    @property
    def tokens(self) -> int:
        """How many tokens."""
        return int(self.layers[0][0].shape[-2])

    @property
    def size(self) -> int:
        """Bytes of the buffers behind the tensors."""
        return sum(part.untyped_storage().nbytes() for pair in self.layers for part in pair)


def module_key(tokens: Sequence[int], start: int, before: str) -> str:
    """Key of a module's states: what it says, where it stands, and what it saw before it.

    Args:
        tokens: its token ids.
        start: position of the first.
        before: key of what stands before it and was seen, ``""`` for nothing.
    """
    return digest(before, str(start), ",".join(map(str, tokens)))


class ModuleCache:
    """Module states by key. For one model, and one thread at a time."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.hits = 0
        self.misses = 0
        self.evictions = 0
        self.size = 0
        """Bytes kept."""
        self._kept: OrderedDict[str, ModuleStates] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return (
            f"ModuleCache({len(self)} modules, {self.size} of {self.max_bytes} bytes, {self.hits} hits, "
            f"{self.misses} misses, {self.evictions} evictions)"
        )

    def get(self, key: str) -> ModuleStates | None:
        """States under ``key``, which then count as just used; None when there are none (any more)."""
        states = self._kept.get(key)
        if states is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return states

    def put(self, key: str, states: ModuleStates) -> None:
        """Keep ``states``; what was used longest ago makes room. States larger than the budget are not kept."""
        if states.size > self.max_bytes:
            return
        if old := self._kept.pop(key, None):
            self.size -= old.size
        self._kept[key] = states
        self.size += states.size
        while self.size > self.max_bytes:
            _, gone = self._kept.popitem(last=False)
            self.size -= gone.size
            self.evictions += 1

    def clear(self) -> None:
        """Forget all states; counters go on."""
        self._kept.clear()
        self.size = 0
