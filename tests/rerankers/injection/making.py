"""Rows whose right option is the one that goes with the picture, by vectors alone."""

import numpy as np

from foveate.rerankers.injection.rows import InjectionRow

__all__ = ["DIM", "WORDS", "row", "rows"]

DIM = 12
WORDS = ("sea", "ship", "bread", "bird", "tree", "house")


def row(*, options: int = 3, choice: int | None = 0, seed: int = 0, group: str = "") -> InjectionRow:
    """Cosines about 0.6 for the right option and 0.1 for the others; 0.1 for the question where none is right."""
    chance = np.random.default_rng(seed)
    level = np.full(options + 1, 0.1)
    if choice is not None:
        level[[0, choice + 1]] = 0.6
    vectors = level[:, None] / DIM + chance.normal(0.0, 0.01, (options + 1, DIM))
    words = tuple(WORDS[at] for at in chance.permutation(len(WORDS))[:options])
    return InjectionRow(
        question="what is it?", options=words, vectors=vectors.astype(np.float32), choice=choice, group=group
    )


def rows(count: int, *, options: int = 2, seed: int = 0) -> list[InjectionRow]:
    """Every second one without a right option; two of a group."""
    return [
        row(options=options, choice=None if at % 2 else at // 2 % options, seed=seed + at, group=str(at // 2))
        for at in range(count)
    ]
