"""Labelled pairs out of a collection: its own captions and sentences as questions, what search confuses as mismatches.

Hard negatives are what a first stage ranks high although it is not the match (ANCE, Xiong et al. 2021). Some of them
do match, only nobody said so; what is too similar to the match is therefore left out (NV-Retriever, Moreira et al.
2024: a ceiling on the similarity to the positive).
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.rerankers.lora.pairs import Pair

__all__ = ["Encode", "Find", "Item", "MineProgress", "Mining", "mine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A chunk as a candidate, and the question it answers."""

    id: str
    """Of the chunk."""
    media_id: str
    parent: str | None
    """Id of the chunk this one is a part of."""
    question: str
    """Empty where the chunk answers none that is known; it is then a candidate only."""
    candidate: str
    """What a model is shown of it. Must not hold the question, else the model learns to compare strings."""
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Mining:
    """How many, and how careful."""

    hard: int = 4
    """Mismatches a question that search ranks high."""
    easy: int = 2
    """Mismatches a question drawn from the whole collection."""
    ceiling: float = 0.9
    """Cosine to the match, or of the two questions, from which on a candidate is left out, since it may match too."""
    seed: int = 0


Find = Callable[[str], Sequence[str]]
"""Question -> ids of chunks, best first."""
Encode = Callable[[Sequence[Item]], NDArray[np.float32]]
"""(n) items -> (n, d) unit rows: of their texts, or of their pictures."""
MineProgress = Callable[[int, int], object]
"""Told (done, all)."""


def mine(
    items: Sequence[Item], find: Find, encoders: Sequence[Encode], options: Mining, progress: MineProgress | None = None
) -> Iterator[Pair]:
    """One match, then hard and easy mismatches, for each item that has a question.

    Never a mismatch: the same media, the chunk's parent or parts, equal candidates or questions, and what any of
    ``encoders`` finds as similar to the match as ``options.ceiling``. A question that keeps no mismatch is left out.
    Easy ones are drawn from (seed, question), so that other questions change nothing.

    Args:
        items: all chunks that can be candidates.
        find: the first stage.
        encoders: one or more notions of similarity.
        options: how many.
        progress: told after each question.

    Raises:
        CallerError: an id comes twice, or a number is out of range.
    """
    _check(items, options)
    places = {item.id: at for at, item in enumerate(items)}
    vectors = [np.asarray(encode(items), np.float32) for encode in encoders] if items else []
    asked = [item for item in items if item.question.strip()]
    for done, item in enumerate(asked, 1):
        own = places[item.id]
        close = np.zeros(len(items), bool)
        for rows in vectors:  # [items, d]
            close |= rows @ rows[own] >= options.ceiling
        allowed = [at for at, other in enumerate(items) if not close[at] and _apart(item, other)]
        ranked = [places[name] for name in find(item.question) if name in places]
        chosen = _chosen(item, items, allowed, ranked, options)
        if chosen:
            yield _pair(item, item, label=True)
            yield from (_pair(item, items[at], label=False) for at in chosen)
        if progress:
            progress(done, len(asked))


def _chosen(
    item: Item, items: Sequence[Item], allowed: Sequence[int], ranked: Sequence[int], options: Mining
) -> list[int]:
    free = set(allowed)
    texts: set[tuple[str, tuple[Path, ...]]] = set()

    def take(order: Sequence[int], count: int) -> list[int]:
        found: list[int] = []
        for at in order:
            shown = (items[at].candidate, items[at].images)
            if len(found) < count and at in free and shown not in texts:
                found.append(at)
                free.discard(at)
                texts.add(shown)
        return found

    hard = take(ranked, options.hard)
    others = list(allowed)
    random.Random(digest("easy", str(options.seed), item.id)).shuffle(others)
    return [*hard, *take(others, options.easy)]


def _apart(item: Item, other: Item) -> bool:
    """Is ``other`` surely something else than ``item``?"""
    if other.media_id == item.media_id or other.id == item.parent or other.parent == item.id:
        return False
    same_question = other.question.strip().casefold() == item.question.strip().casefold()
    same_shown = (other.candidate, other.images) == (item.candidate, item.images)
    return not same_question and not same_shown and bool(other.candidate.strip() or other.images)


def _pair(item: Item, shown: Item, *, label: bool) -> Pair:
    # The chunk's id names the question: two chunks may have the same words.
    return Pair(question=item.question, candidate=shown.candidate, label=label, images=shown.images, group=item.id)


def _check(items: Sequence[Item], options: Mining) -> None:
    if len({item.id for item in items}) < len(items):
        raise CallerError("an id stands twice among the items to mine")
    if options.hard < 0 or options.easy < 0 or options.hard + options.easy < 1:
        raise CallerError(f"hard {options.hard} and easy {options.easy} must be 0 or more, one of them above")
    if not 0 < options.ceiling <= 1:
        raise CallerError(f"ceiling is {options.ceiling!r}; allowed are numbers above 0 up to 1")
