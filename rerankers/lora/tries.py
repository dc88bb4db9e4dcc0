"""Prompts with their replies in one row, as a trie: every beginning that several share is computed once.

The tokens of a row stand in the order of a walk through the trie, and a token sees those on its own path only, at the
positions it has alone; so each reply gets the logits that it gets by itself (tree attention, as in SpecInfer, Miao et
al. 2023; here for training). Instructions are shared by a task's examples, notes by a group's.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Example", "TrieRow", "Walked", "trie_rows", "walked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One prompt and its reply."""

    tokens: tuple[int, ...]
    """Of the prompt, then of the reply without its end; that is what the model reads."""
    targets: tuple[int, ...]
    """Of the reply and its end: what the last ``len(targets)`` tokens foretell."""
    at: int
    """Number of the completion."""

    @property
    def shareable(self) -> int:
        """So many tokens at the beginning foretell nothing that is learnt."""
        return len(self.tokens) - len(self.targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrieRow:
    """What goes through the model together, T tokens and N examples."""

    examples: tuple[Example, ...]
    """Sorted by their tokens."""
    shared: tuple[int, ...]
    """How many tokens each has in common with the one before it."""

    @property
    def size(self) -> int:
        """T."""
        return sum(len(item.tokens) for item in self.examples) - sum(self.shared)


@dataclass(frozen=True, kw_only=True, slots=True)
class Walked:
    """A row as a model takes it; R is the number of all targets."""

    tokens: "Tensor"
    """[1, T]"""
    positions: "Tensor"
    """[1, T]"""
    mask: "Tensor"
    """[1, 1, T, T], added to the attention's logits: 0 where a token may look, the lowest number elsewhere."""
    places: "Tensor"
    """[R]: tokens that foretell the targets, example by example."""
    targets: "Tensor"
    """[R]"""


def trie_rows(examples: Sequence[Example], limit: int, window: int = 1) -> list[TrieRow]:
    """Rows of at most ``limit`` tokens, but where a single example is longer.

    Args:
        examples: in the order of training.
        limit: tokens a row.
        window: so many rows are filled from neighbours in that order and sorted among them, so that those with equal
            instructions meet in a row; a step that takes as many sees a window of the training's own order.
    """
    rows: list[TrieRow] = []
    for chosen in _windows(examples, limit, window):
        rows += _rows(chosen, limit)
    return rows


def walked(row: TrieRow) -> Walked:
    """The row's tensors, float32."""
    import torch

    tokens: list[int] = []
    positions: list[int] = []
    places: list[int] = []
    until: list[int] = []  # one past the last token that sees this one
    path: list[int] = []
    for item, shared in zip(row.examples, row.shared, strict=True):
        for left in path[shared:]:
            until[left] = len(tokens)
        fresh = len(item.tokens) - shared
        path = [*path[:shared], *range(len(tokens), len(tokens) + fresh)]
        tokens += item.tokens[shared:]
        positions += range(shared, len(item.tokens))
        until += [0] * fresh
        places += path[item.shareable :]
    for left in path:
        until[left] = len(tokens)
    at, ends = torch.arange(len(tokens)), torch.tensor(until)
    sees = (at[None] <= at[:, None]) & (at[:, None] < ends[None])
    lowest = torch.finfo(torch.float32).min
    return Walked(
        tokens=torch.tensor([tokens]),
        positions=torch.tensor([positions]),
        mask=torch.zeros(sees.shape).masked_fill_(~sees, lowest)[None, None],
        places=torch.tensor(places),
        targets=torch.tensor([target for item in row.examples for target in item.targets]),
    )


def _windows(examples: Sequence[Example], limit: int, count: int) -> Iterator[list[Example]]:
    """Neighbours that fill ``count`` rows, sorted by their tokens."""
    start = 0
    while start < len(examples):
        held: list[Example] = []
        size, stop = 0, start
        while stop < len(examples):
            place = bisect_left(held, examples[stop].tokens, key=lambda item: item.tokens)
            size += _growth(held, place, examples[stop])
            if held and size > limit * count:
                break
            held.insert(place, examples[stop])
            stop += 1
        # Beginnings are computed once a row, so a window may need one row more than its size says.
        while stop - start > 1 and len(_rows(held, limit)) > count:
            stop -= 1
            held.remove(examples[stop])
        yield held
        start = stop


def _growth(held: Sequence[Example], place: int, new: Example) -> int:
    """Tokens by which a sorted list's trie grows."""
    before = held[place - 1] if place else None
    after = held[place] if place < len(held) else None
    grown = len(new.tokens) - _common(before, new) - _common(new, after)
    return grown + _common(before, after)


def _rows(examples: Sequence[Example], limit: int) -> list[TrieRow]:
    rows: list[TrieRow] = []
    held: list[Example] = []
    shared: list[int] = []
    size = 0
    for item in examples:
        common = _common(held[-1], item) if held else 0
        if held and size + len(item.tokens) - common > limit:
            rows.append(TrieRow(examples=tuple(held), shared=tuple(shared)))
            held, shared, size, common = [], [], 0, 0
        held.append(item)
        shared.append(common)
        size += len(item.tokens) - common
    return [*rows, TrieRow(examples=tuple(held), shared=tuple(shared))] if held else rows


def _common(one: Example | None, other: Example | None) -> int:
    """Length of the beginning that two can share; none of it foretells a target."""
    if one is None or other is None:
        return 0
    longest = min(one.shareable, other.shareable)
    first, second = one.tokens[:longest], other.tokens[:longest]
    if first == second:
        return longest
    return next(at for at, (left, right) in enumerate(zip(first, second, strict=True)) if left != right)
