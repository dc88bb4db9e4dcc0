"""Prompts that share a beginning in one row: the beginning is computed once, the ends do not see each other.

A row is a sequence of trees; each tree is the common beginning of one question's prompts and the end of each of them.
Positions start again after the beginning, and a mask keeps trees and ends apart, so every prompt gets the logits that
it gets alone (tree attention, as in SpecInfer, Miao et al. 2023; here for training).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Packed", "Prompt", "Row", "pack", "tensors"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """The tokens of one pair's prompt."""

    tokens: tuple[int, ...]
    group: int
    """Number of the question."""
    at: int
    """Number of the pair."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tree:
    shared: tuple[int, ...]
    ends: tuple[tuple[int, ...], ...]
    prompts: tuple[Prompt, ...]

    @property
    def size(self) -> int:
        return len(self.shared) + sum(map(len, self.ends))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What goes through the model together, T tokens and N prompts."""

    trees: tuple[_Tree, ...]

    @property
    def size(self) -> int:
        """T."""
        return sum(tree.size for tree in self.trees)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """N prompts, in the order of :attr:`Packed.last`."""
        return tuple(prompt for tree in self.trees for prompt in tree.prompts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """A row as a model takes it."""

    tokens: "Tensor"
    """[1, T]"""
    positions: "Tensor"
    """[1, T]"""
    mask: "Tensor"
    """[1, 1, T, T], added to the attention's logits: 0 where a token may look, the lowest number elsewhere."""
    last: "Tensor"
    """[N]: where each prompt ends."""


def pack(prompts: Sequence[Prompt], limit: int, *, share: bool = True) -> list[Row]:
    """Rows of at most ``limit`` tokens, but where a single prompt is longer.

    Args:
        prompts: those of one question next to each other; rows keep the order.
        limit: tokens a row.
        share: False gives each prompt a tree of its own, for measuring what sharing saves.
    """
    rows: list[Row] = []
    trees: list[_Tree] = []
    size = 0
    for tree in (tree for group in _groups(prompts) for tree in _trees(group, limit, share)):
        if trees and size + tree.size > limit:
            rows.append(Row(trees=tuple(trees)))
            trees, size = [], 0
        trees.append(tree)
        size += tree.size
    return [*rows, Row(trees=tuple(trees))] if trees else rows


def tensors(row: Row) -> Packed:
    """The row's tensors, float32."""
    import torch

    tokens: list[int] = []
    positions: list[int] = []
    tree_of: list[int] = []
    end_of: list[int] = []
    last: list[int] = []
    for number, tree in enumerate(row.trees):
        start = len(tree.shared)
        for branch, part in enumerate((tree.shared, *tree.ends)):
            tokens += part
            begin = start if branch else 0
            positions += range(begin, begin + len(part))
            tree_of += [number] * len(part)
            end_of += [branch] * len(part)
            if branch:
                last.append(len(tokens) - 1)
    trees, ends = torch.tensor(tree_of), torch.tensor(end_of)
    causal = torch.ones(len(tokens), len(tokens), dtype=torch.bool).tril()
    # Branch 0 is the shared beginning, which every end of its tree sees.
    sees = causal & (trees[:, None] == trees[None]) & ((ends[:, None] == ends[None]) | (ends[None] == 0))
    lowest = torch.finfo(torch.float32).min
    return Packed(
        tokens=torch.tensor([tokens]),
        positions=torch.tensor([positions]),
        mask=torch.zeros(sees.shape).masked_fill_(~sees, lowest)[None, None],
        last=torch.tensor(last),
    )


def _groups(prompts: Sequence[Prompt]) -> list[list[Prompt]]:
    groups: list[list[Prompt]] = []
    for prompt in prompts:
        if groups and groups[-1][0].group == prompt.group:
            groups[-1].append(prompt)
        else:
            groups.append([prompt])
    return groups


def _trees(group: Sequence[Prompt], limit: int, share: bool) -> list[_Tree]:
    if not share:
        return [_Tree(shared=(), ends=(prompt.tokens,), prompts=(prompt,)) for prompt in group]
    common = _common([prompt.tokens for prompt in group])
    trees: list[_Tree] = []
    held: list[Prompt] = []
    size = common
    for prompt in group:
        length = len(prompt.tokens) - common
        if held and size + length > limit:
            trees.append(_tree(held, common))
            held, size = [], common
        held.append(prompt)
        size += length
    return [*trees, _tree(held, common)]


def _tree(prompts: Sequence[Prompt], common: int) -> _Tree:
    return _Tree(
        shared=prompts[0].tokens[:common],
        ends=tuple(prompt.tokens[common:] for prompt in prompts),
        prompts=tuple(prompts),
    )


def _common(rows: Sequence[tuple[int, ...]]) -> int:
    """Length of the common beginning; the last token of each row is never part of it."""
    shortest = min(map(len, rows)) - 1
    columns = zip(*(row[:shortest] for row in rows), strict=True)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
