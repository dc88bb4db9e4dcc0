"""Orders of candidates: read from what a model wrote, asked over windows, and freed of the order they were asked in.

Nothing here knows a model. Every function gives a permutation of what it got, whatever it got.
"""

import math
import random
import re
from collections.abc import Iterator, Sequence

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.records import Result

__all__ = ["arrangements", "central", "first_stage", "parse_order", "place_scores", "windows"]

# Four digits are more than any window holds; longer runs are no numbers of candidates.
_BRACKETED = re.compile(r"\[\s*([0-9]{1,4})\s*\]")
_BARE = re.compile(r"[0-9]{1,4}(?:\s*[>,]\s*[0-9]{1,4})*\s*\.?")


def first_stage(results: Sequence[Result]) -> list[Result]:
    """Results by the first stage's score, best first, NaN last, ties by id: the order given counts for nothing."""
    known = [(one, not math.isnan(one.score)) for one in results]
    known.sort(key=lambda pair: (not pair[1], -pair[0].score if pair[1] else 0.0, pair[0].chunk.id))
    return [one for one, _ in known]


def parse_order(text: str, count: int) -> tuple[list[int], int]:
    """Read ``[2] > [1] > [3]`` (RankGPT, Sun et al., EMNLP 2023).

    Numbers in brackets count; where there are none, a text that is nothing but numbers with ``>`` or commas between
    them is read too. Only what follows the last ``</think>`` is looked at. Repeated and foreign numbers are dropped;
    those that were left out follow at the end, in the order they were shown.

    Args:
        text: whatever the model wrote.
        count: how many candidates it was shown, numbered from 1.

    Returns:
        A permutation of ``range(count)``, best first, and how many of its places the text named: 0 means that the
        text said nothing.
    """
    said = text.rpartition("</think>")[2].strip()
    found = _BRACKETED.findall(said)
    if not found and _BARE.fullmatch(said):
        found = re.findall("[0-9]+", said)
    named = [at for at in dict.fromkeys(int(number) - 1 for number in found) if 0 <= at < count]
    seen = set(named)
    return [*named, *(at for at in range(count) if at not in seen)], len(named)


def windows(count: int, size: int, step: int) -> Iterator[range]:
    """Places of each window, from the back to the front, so that what is good wanders up (Sun et al. 2023).

    Raises:
        CallerError: a step over the size would leave candidates in no window.
    """
    if size < 2 or not 1 <= step <= size:
        raise CallerError(f"window is {size!r} and step {step!r}; allowed are a window of 2 or more, a step of 1 to it")
    end = count
    while end > 0:
        start = max(0, end - size)
        yield range(start, end)
        if start == 0:
            return
        end -= step


def arrangements(ids: Sequence[str], rounds: int) -> list[list[int]]:
    """Orders in which to show candidates, one a round, from their ids alone: no input order gets in.

    Every second one is the one before backwards, so that over an even number of rounds each candidate stands at the
    same place on average: a model that only repeats what it is shown then says nothing at all.

    Args:
        ids: distinct.
        rounds: how many, 1 or more.

    Returns:
        ``rounds`` permutations of ``range(len(ids))``.
    """
    by_id = sorted(range(len(ids)), key=ids.__getitem__)
    made: list[list[int]] = []
    for turn in range(rounds):
        if turn % 2:
            made.append(made[-1][::-1])
        else:
            # A seed from the ids: the same window is asked the same way in every run and on every machine.
            chance = random.Random(int(digest("arrangement", str(turn), *(ids[at] for at in by_id)), 16))
            made.append(chance.sample(by_id, len(by_id)))
    return made


def central(orders: Sequence[Sequence[int]]) -> list[int]:
    """The order that agrees most with all: permutation self-consistency (Tang et al., NAACL 2024).

    They take the order of least summed Kendall distance. Ours starts from mean places (Borda) and swaps neighbours as
    long as most orders want it (local Kemeny optimality, Dwork et al., WWW 2001), which costs n^2 instead of n!. Ties
    go to the smaller number, so number the candidates by what should decide them.

    Args:
        orders: one permutation of ``range(n)`` or more.
    """
    count = len(orders[0])
    places = [[0] * count for _ in orders]
    for row, order in zip(places, orders, strict=True):
        for place, candidate in enumerate(order):
            row[candidate] = place
    ranked: list[int] = []
    for candidate in sorted(range(count), key=lambda one: (sum(row[one] for row in places), one)):
        at = len(ranked)
        while at and sum(row[candidate] - row[ranked[at - 1]] < 0 for row in places) * 2 > len(places):
            at -= 1
        ranked.insert(at, candidate)
    return ranked


def place_scores(count: int) -> list[float]:
    """Scores for places from the best: 1 down to 1/count by even steps. They say who is before whom, nothing else."""
    return [(count - place) / count for place in range(count)]
