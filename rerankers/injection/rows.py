"""One multiple-choice question with its alignment vectors: what an injected prompt is made of and trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.ids import digest

__all__ = ["MOST_OPTIONS", "SUMS", "InjectionRow", "check_row", "features", "shuffled", "split_rows"]

MOST_OPTIONS = 25
"""Letters of the alphabet, without that of "None of these"."""
SUMS = 3
"""Numbers that :func:`features` adds to each vector."""
# Cosines of the options of a question differ by a few hundredths: as numbers about 1 they are learnt soonest.
_SHARPNESS = 40.0
# As large as its sums, a vector is learnt by heart: 358 rows at full size were told apart, and fresh ones were not.
_DAMPING = 0.08


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class InjectionRow:
    """A question, its options, and how the picture goes with each."""

    question: str
    options: tuple[str, ...]
    """1 to 25 different ones, without one that says that none is right."""
    vectors: NDArray[np.float32]
    """(1 + options, d): picture times question, then picture times each option, number by number, of unit vectors."""
    choice: int | None = None
    """Place of the right option; None where none is right."""
    group: str = ""
    """Rows of one group are trained on together or held out together."""


def check_row(row: InjectionRow, dim: int | None = None) -> None:
    """Refuse a row no prompt can be made of.

    Args:
        row: any.
        dim: numbers that each vector must have; any where None.

    Raises:
        CallerError: names the field, what it holds and what is allowed.
    """
    if not row.question.strip():
        raise CallerError(f"question is {row.question!r}; it must hold words")
    _check_options(row)
    if row.choice is not None and not 0 <= row.choice < len(row.options):
        raise CallerError(f"choice is {row.choice!r}; allowed are 0 to {len(row.options) - 1}, or None")
    wanted = (len(row.options) + 1, row.vectors.shape[-1] if dim is None and row.vectors.ndim else dim)
    if row.vectors.dtype != np.float32 or row.vectors.shape != wanted:
        raise CallerError(
            f"vectors is {row.vectors.dtype} of shape {row.vectors.shape!r}; needed is float32 of shape {wanted!r}: "
            "one row for the question and one for each option"
        )
    if not np.isfinite(row.vectors).all():
        bad = int(np.flatnonzero(~np.isfinite(row.vectors).all(axis=1))[0])
        raise CallerError(f"vectors[{bad}] holds a number that is not finite")


def split_rows(rows: Sequence[InjectionRow], share: float, seed: int) -> tuple[list[InjectionRow], list[InjectionRow]]:
    """Training and held-out rows: whole groups, chosen by their hash, whatever the order of the rows.

    Args:
        rows: of two different groups or more.
        share: of the groups that is held out; one at least, and never all.
        seed: another one, another choice.

    Raises:
        CallerError: too few groups, or a share outside (0, 1).
    """
    if not 0.0 < share < 1.0:
        raise CallerError(f"held_out is {share!r}; allowed are shares between 0 and 1")
    groups = sorted({row.group for row in rows}, key=lambda name: digest("injection", str(seed), name))
    if len(groups) < 2:
        raise CallerError(f"{len(rows)} rows hold {len(groups)} different groups; one at least is held out of two")
    held = set(groups[: min(max(1, round(share * len(groups))), len(groups) - 1)])
    return [row for row in rows if row.group not in held], [row for row in rows if row.group in held]


def features(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1 + n, d) alignment vectors -> (1 + n, d + 3), sized as a projector takes them.

    A product of unit vectors has numbers about 1 / d; times sqrt(d) they are those of a unit vector. Their sum, the
    cosine, is not left to be learnt from d numbers: it is added as one, with its lead over the best other option's
    and the question's. The question's vector gets cosine and lead of its best option. The order of the options only
    orders the rows.
    """
    dim = vectors.shape[1]
    sums = vectors.sum(axis=1, dtype=np.float64)
    options = sums[1:]
    rivals = np.array([np.delete(options, at).max() if len(options) > 1 else 0.0 for at in range(len(options))])
    best = int(options.argmax())
    own = np.concatenate([options[[best]], options])
    lead = own - np.concatenate([rivals[[best]], rivals])
    extra = np.stack([own, lead, np.full(len(own), sums[0])], axis=1) * _SHARPNESS / dim**0.5
    made: NDArray[np.float32] = np.concatenate([vectors * dim**0.5 * _DAMPING, extra], axis=1).astype(np.float32)
    return made


def shuffled(row: InjectionRow, order: Sequence[int]) -> InjectionRow:
    """The row with option ``order[i]`` at place i."""
    return InjectionRow(
        question=row.question,
        options=tuple(row.options[at] for at in order),
        vectors=row.vectors[[0, *(at + 1 for at in order)]],
        choice=None if row.choice is None else list(order).index(row.choice),
        group=row.group,
    )


def _check_options(row: InjectionRow) -> None:
    if isinstance(row.options, str) or not 1 <= len(row.options) <= MOST_OPTIONS:
        raise CallerError(f"options is {row.options!r:.200}; it must hold 1 to {MOST_OPTIONS} strings")
    seen: dict[str, int] = {}
    for at, option in enumerate(row.options):
        if not option.strip():
            raise CallerError(f"options[{at}] is {option!r}; it must hold words")
        if (first := seen.setdefault(" ".join(option.split()), at)) != at:
            raise CallerError(f"options[{at}] is {option!r}, as options[{first}] is; each may stand once")
