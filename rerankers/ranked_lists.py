"""Questions with candidates and how relevant each is: what rerankers of whole lists are trained and measured on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from foveate.errors import CallerError
from foveate.ids import digest

__all__ = ["RankedList", "check_lists", "ndcg", "split_lists"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedList:
    """One question and its candidates."""

    question: str
    texts: tuple[str, ...]
    relevance: tuple[float, ...]
    """One a text, 0 or more; only which is higher counts for training, the amount for nDCG."""

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.relevance) or len(self.texts) < 2:
            raise CallerError(
                f"question {self.question!r:.80} has {len(self.texts)} texts and {len(self.relevance)} relevances; "
                "needed are as many of both, 2 or more"
            )
        for value in self.relevance:
            if not math.isfinite(value) or value < 0:
                raise CallerError(f"question {self.question!r:.80} has the relevance {value!r}; allowed are 0 or more")
        if len(set(self.relevance)) < 2:
            raise CallerError(f"question {self.question!r:.80}: all candidates are as relevant; nothing to learn")


def check_lists(lists: Sequence[RankedList]) -> None:
    """Refuse what no held-out part can be cut from.

    Raises:
        CallerError: fewer than two different questions.
    """
    if len({one.question for one in lists}) < 2:
        raise CallerError(f"{len(lists)} lists hold fewer than 2 different questions; one at least is held out")


def split_lists(lists: Sequence[RankedList], share: float, seed: int) -> tuple[list[RankedList], list[RankedList]]:
    """Training and held-out lists: whole questions, chosen by their hash, whatever the order of the lists.

    Args:
        lists: of two different questions or more.
        share: of the questions that is held out; one at least, and never all.
        seed: another one, another choice.

    Raises:
        CallerError: too few questions, or a share outside (0, 1).
    """
    check_lists(lists)
    if not 0.0 < share < 1.0:
        raise CallerError(f"held_out is {share!r}; allowed are shares between 0 and 1")
    questions = sorted({one.question for one in lists}, key=lambda text: digest("held out", str(seed), text))
    held = set(questions[: min(max(1, round(share * len(questions))), len(questions) - 1)])
    return [one for one in lists if one.question not in held], [one for one in lists if one.question in held]


def ndcg(scores: ArrayLike, relevance: ArrayLike, depth: int = 10) -> float:
    """NDCG with linear gains (Järvelin & Kekäläinen 2002); of equal scores, the less relevant stand first.

    Args:
        scores: (n), higher is better.
        relevance: (n), 0 or more.
        depth: how many places count.

    Returns:
        A number in [0, 1]; NaN where nothing is relevant.
    """
    gains = np.asarray(relevance, float)
    order = np.lexsort((gains, -np.asarray(scores, float)))[:depth]
    discounts = 1.0 / np.log2(np.arange(len(order)) + 2.0)
    best = float(np.sort(gains)[::-1][:depth] @ discounts)
    return float(gains[order] @ discounts) / best if best > 0 else math.nan
