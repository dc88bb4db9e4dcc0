"""Which prompts to compute together, so that what they begin with is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

__all__ = ["Group", "batches", "common", "groups"]

# A group costs one more pass through the model; below about this many tokens saved that pass is dearer.
_WORTH = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Prompts with one beginning."""

    shared: int
    """Tokens that all of them begin with; each has at least one more."""
    members: tuple[int, ...]
    """Places in the list that was given."""


def groups(rows: Sequence[Sequence[int]]) -> list[Group]:
    """Every row in one group, in an order that depends on the rows alone, not on how they came.

    Rows of several questions fall into a group each where that saves more than it costs.

    Args:
        rows: token ids of prompts, no two alike, none empty.
    """
    order = sorted(range(len(rows)), key=lambda at: tuple(rows[at]))
    links = [_link(rows[one], rows[other]) for one, other in pairwise(order)]
    return _grouped(order, links, rows)


def _grouped(order: list[int], links: list[int], rows: Sequence[Sequence[int]]) -> list[Group]:
    if not links:
        return [Group(shared=len(rows[at]) - 1, members=(at,)) for at in order]
    low = min(links)
    rest: list[int] = []
    apart: list[Group] = []
    for start, end in _segments(links, low):
        inner = links[start : end - 1]
        if inner and (min(inner) - low) * len(inner) > _WORTH:
            apart += _grouped(order[start:end], inner, rows)
        else:
            rest += order[start:end]
    if len(rest) == 1:
        apart.insert(0, Group(shared=len(rows[rest[0]]) - 1, members=tuple(rest)))
    elif rest:
        apart.insert(0, Group(shared=low, members=tuple(rest)))
    return apart


def _segments(links: Sequence[int], low: int) -> list[tuple[int, int]]:
    """Stretches of neighbours that share more than ``low``."""
    cuts = [0, *(at + 1 for at, link in enumerate(links) if link == low), len(links) + 1]
    return list(pairwise(cuts))


def batches(lengths: Sequence[int], *, shared: int, tokens: int, positions: int) -> list[list[int]]:
    """Places of ``lengths``, shortest first, cut into batches that are padded little and fit into memory.

    Args:
        lengths: tokens of each end.
        shared: tokens before each of them, which attention looks at again for each row.
        tokens: the most that one batch computes, padding included; a longer end goes alone.
        positions: the most that one batch's attention holds.
    """
    made: list[list[int]] = []
    for at in sorted(range(len(lengths)), key=lambda at: lengths[at]):
        rows = len(made[-1]) + 1 if made else 0
        if made and rows * lengths[at] <= tokens and rows * (shared + lengths[at]) <= positions:
            made[-1].append(at)
        else:
            made.append([at])
    return made


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _link(one: Sequence[int], other: Sequence[int]) -> int:
    return min(common(one, other), len(one) - 1, len(other) - 1)
