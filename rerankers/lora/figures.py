"""How well a reranker tells what matches, on labelled pairs: loss, AUROC, accuracy, calibration, nDCG."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figures", "auroc", "ece", "figures", "ndcg"]

_BINS = 10
_DEPTH = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Figures over held-out pairs; None where they are not defined."""

    pairs: int
    questions: int
    """All questions; those without a match or without a mismatch do not count for ``ndcg``."""
    loss: float
    """Mean cross-entropy of the label's token among all tokens, in nats."""
    auroc: float | None
    accuracy: float
    """Share of pairs on the right side of one half."""
    ece: float
    """Expected calibration error, 10 bins of equal width (Guo et al. 2017)."""
    ndcg: float | None
    """nDCG at 10, mean over questions; of candidates with equal scores, mismatches stand first."""

    def to_dict(self) -> dict[str, float | int | None]:
        """JSON form."""
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(self).items()}


def figures(
    losses: Sequence[float], log_odds: Sequence[float], labels: Sequence[bool], groups: Sequence[int]
) -> Figures:
    """All figures.

    Args:
        losses: one a pair, in nats.
        log_odds: log-probability of yes minus that of no, one a pair.
        labels: whether the pair matches.
        groups: number of the pair's question.
    """
    scores, truth = np.asarray(log_odds, float), np.asarray(labels, bool)
    chances = 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
    return Figures(
        pairs=len(truth),
        questions=len(set(groups)),
        loss=float(np.mean(losses)),
        auroc=auroc(scores, truth),
        accuracy=float(np.mean((scores > 0) == truth)),
        ece=ece(chances, truth),
        ndcg=_mean_ndcg(scores, truth, groups),
    )


def auroc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float | None:
    """Chance that a match scores above a mismatch, ties counting one half (Mann-Whitney); None with one class."""
    matches, others = np.sort(scores[labels]), np.sort(scores[~labels])
    if not len(matches) or not len(others):
        return None
    below = np.searchsorted(others, matches, "left").sum()
    upto = np.searchsorted(others, matches, "right").sum()
    return float((below + upto) / 2 / len(matches) / len(others))


def ece(chances: NDArray[np.float64], labels: NDArray[np.bool_], bins: int = _BINS) -> float:
    """Mean distance between what was said and what came true, over bins, weighted by their size."""
    places = np.minimum((chances * bins).astype(int), bins - 1)
    gaps = [abs(float(np.sum(chances[places == at] - labels[places == at]))) for at in range(bins)]
    return sum(gaps) / len(labels)


def ndcg(scores: Sequence[float], labels: Sequence[bool], depth: int = _DEPTH) -> float | None:
    """One question's nDCG, with binary gains (Järvelin & Kekäläinen 2002); None without a match or a mismatch."""
    if len(set(labels)) < 2:
        return None
    order = sorted(zip(scores, labels, strict=True), key=lambda item: (-item[0], item[1]))
    gained = sum(1 / math.log2(rank + 2) for rank, (_, label) in enumerate(order[:depth]) if label)
    best = sum(1 / math.log2(rank + 2) for rank in range(min(depth, sum(labels))))
    return gained / best


def _mean_ndcg(scores: NDArray[np.float64], labels: NDArray[np.bool_], groups: Sequence[int]) -> float | None:
    order = sorted(range(len(groups)), key=lambda at: groups[at])
    values = []
    for _, members in groupby(order, key=lambda at: groups[at]):
        chosen = list(members)
        value = ndcg([float(scores[at]) for at in chosen], [bool(labels[at]) for at in chosen])
        values += [] if value is None else [value]
    return float(np.mean(values)) if values else None
