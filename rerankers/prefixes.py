"""Keys and values of the last prompts, so that a shared beginning is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

__all__ = ["BlockLayer", "PrefixStore", "SharedLayer", "repeat"]

_BLOCK = 256


class BlockLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, [batch, heads, tokens, size], in a buffer that grows by blocks.

    ``DynamicLayer`` copies everything at each token; at 1,500 tokens of SmolLM2 that is 69 MB a token, and
    decoding took 1.2 to 2.9 times as long. A layer begun from another's keys never writes to them.
    """

    @classmethod
    def of(cls, keys: Tensor, values: Tensor) -> "BlockLayer":
        """A layer that begins with these keys and values; they are read, never written."""
        layer = cls()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        return layer

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Begin with nothing."""
        super().lazy_initialization(key_states, value_states)
        self.room = 0

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append; return everything so far as views."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if end > self.room:
            self._grow(key_states, start, end)
        self._keys[:, :, start:end] = key_states
        self._values[:, :, start:end] = value_states
        self.keys, self.values = self._keys[:, :, :end], self._values[:, :, :end]
        return self.keys, self.values

    def _grow(self, like: Tensor, start: int, end: int) -> None:
        self.room = -(-end // _BLOCK) * _BLOCK
        shape = (*like.shape[:2], self.room, like.shape[-1])
        self._keys, self._values = like.new_empty(shape), like.new_empty(shape)
        if start:
            self._keys[:, :, :start] = self.keys
            self._values[:, :, :start] = self.values


class SharedLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values that several rows begin with. What comes after them is used once and not kept.

    So a batch of 50 rows over 1,500 tokens holds one layer's copy at a time instead of all thirty (3.5 GB).
    """

    @classmethod
    def over(cls, prefix: Cache, rows: int) -> Cache:
        """A cache of such layers over ``prefix``, which has one row."""
        if not prefix.get_seq_length():
            return Cache(layer_class_to_replicate=cls)
        return Cache(layers=[cls._of(layer, rows) for layer in prefix.layers])

    @classmethod
    def _of(cls, layer: Any, rows: int) -> "SharedLayer":
        made = cls()
        made.lazy_initialization(layer.keys, layer.values)
        made.keys, made.values = (part.expand(rows, -1, -1, -1) for part in (layer.keys, layer.values))
        return made

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """The beginning and what comes after it, [rows, heads, tokens, size]."""
        if self.keys is None:
            return key_states, value_states
        return torch.cat([self.keys, key_states], dim=-2), torch.cat([self.values, value_states], dim=-2)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    tokens: tuple[int, ...]
    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def size(self) -> int:
        """Bytes of the buffers behind the views."""
        return sum(part.untyped_storage().nbytes() for pair in self.layers for part in pair)


class PrefixStore:
    """The last used prompts, at most ``max_entries`` and ``max_bytes`` of them."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: list[_Entry] = []
        """Latest last."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(entry.size for entry in self._entries)

    def take(self, tokens: Sequence[int]) -> tuple[Cache, int]:
        """A cache that holds the longest kept beginning of ``tokens``, and its length.

        The last token is never among them: its logits are what the caller is after.
        """
        best, length = None, 0
        for entry in self._entries:
            common = _common(entry.tokens, tokens[:-1])
            if common > length:
                best, length = entry, common
        if best is None:
            return Cache(layer_class_to_replicate=BlockLayer), 0
        self._entries.append(self._entries.pop(self._entries.index(best)))
        layers = [BlockLayer.of(keys[:, :, :length], values[:, :, :length]) for keys, values in best.layers]
        return Cache(layers=layers), length

    def keep(self, tokens: Sequence[int], cache: Cache) -> None:
        """Remember ``cache``, which holds the keys and values of ``tokens``; forget the oldest as needed."""
        new = _Entry(tokens=tuple(tokens), layers=tuple((layer.keys, layer.values) for layer in cache.layers))
        if not new.tokens or not new.layers or new.size > self._max_bytes:
            return
        if any(entry.tokens[: len(new.tokens)] == new.tokens for entry in self._entries):
            return
        # What the new entry begins with is of no more use.
        self._entries = [entry for entry in self._entries if new.tokens[: len(entry.tokens)] != entry.tokens]
        self._entries.append(new)
        while len(self._entries) > self._max_entries or self.size > self._max_bytes:
            del self._entries[0]


def repeat(cache: Cache, rows: int) -> Cache:
    """The same keys and values for several rows, without a copy until something is appended."""
    return Cache(
        layers=[
            BlockLayer.of(layer.keys.expand(rows, -1, -1, -1), layer.values.expand(rows, -1, -1, -1))
            for layer in cache.layers
        ]
    )


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
