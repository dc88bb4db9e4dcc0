"""Thresholds on the confidence with a guarantee on the errors that are let through.

``expected_loss_threshold`` is conformal risk control, ``selective_threshold`` Learn then Test; what each promises, and
under which assumption, stands with it.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["LEVELS", "NEVER", "binomial_tail", "expected_loss_threshold", "selective_threshold"]

NEVER = 2.0
"""A threshold that no confidence reaches: abstain always."""
LEVELS = tuple(level / 200 for level in range(200, -1, -1))
"""Thresholds that are tested, in this order, fixed before any question is seen."""
_FEWEST = 30
_SHARE = 10

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def expected_loss_threshold(confidence: Sequence[float], right: Sequence[bool], target: float) -> float:
    """The lowest threshold at which wrong answers are at most a share ``target`` of all questions, in expectation.

    Conformal risk control (Angelopoulos et al., ICLR 2024, theorem 1) of the loss 1{answered and wrong}, which falls
    as the threshold rises: over draws of n calibration questions and of one to come, exchangeable with them,
    E[answered and wrong] <= ``target``, for any distribution of the confidences. The share is one of all questions,
    not of those that are answered, and it holds on average over calibration sets, not for this one.

    Returns:
        A threshold in [0, 1], confidence at or above it being answered, or ``NEVER``.

    Raises:
        CallerError: no pairs, a confidence or a target outside [0, 1].
    """
    scores, good = columns(confidence, right)
    check_share("target_risk", target)
    # (n / (n + 1)) * wrong / n + 1 / (n + 1) <= target, so at most so many wrong ones may be answered:
    allowed = math.floor(target * (len(scores) + 1) - 1.0 + 1e-9)
    if allowed < 0:
        return NEVER
    wrong = np.sort(scores[~good])[::-1]
    if len(wrong) <= allowed:
        return 0.0
    above = math.nextafter(float(wrong[allowed]), math.inf)
    return above if above <= 1.0 else NEVER


def selective_threshold(
    confidence: Sequence[float], right: Sequence[bool], target: float, *, delta: float = 0.1
) -> float:
    """The lowest threshold at which wrong answers are shown to be at most a share ``target`` of the answers given.

    That share does not fall steadily as the threshold rises, so conformal risk control does not apply. Learn then Test
    does (Angelopoulos et al., 2021): ``LEVELS`` are tested from the highest down, each with the exact binomial p-value
    of "more than ``target`` of what is answered here is wrong" (Clopper and Pearson, Biometrika 1934), until one is
    not refuted at ``delta``. Levels that answer fewer than a tenth of the questions, or fewer than 30, are passed over:
    hardly any errors could be refuted there.

    With probability 1 - ``delta`` over calibration questions drawn independently from one population, the share of
    wrong ones among all that population's answers at the threshold is at most ``target``. That is exact where errors
    do not get more frequent as confidence rises; if they do, only levels that so few questions reach may miss it.
    Questions of another collection are another population.

    Returns:
        One of ``LEVELS``, confidence at or above it being answered, or ``NEVER``.

    Raises:
        CallerError: no pairs, a confidence, a target or a delta outside [0, 1].
    """
    scores, good = columns(confidence, right)
    check_share("target_risk", target)
    check_share("delta", delta)
    fewest = max(_FEWEST, math.ceil(len(scores) / _SHARE))
    found = NEVER
    for level in LEVELS:
        answered = scores >= level
        count = int(answered.sum())
        if count < fewest:
            continue
        if binomial_tail(int((answered & ~good).sum()), count, target) > delta:
            break
        found = level
    return found


def binomial_tail(wrong: int, count: int, share: float) -> float:
    """Probability that of ``count`` independent draws ``wrong`` or fewer hit, each with probability ``share``."""
    if wrong >= count or share <= 0.0:
        return 1.0
    if share >= 1.0:
        return 0.0
    yes, no = math.log(share), math.log1p(-share)
    logs = [
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) + k * yes + (count - k) * no
        for k in range(wrong + 1)
    ]
    return min(1.0, math.fsum(math.exp(one) for one in logs))


def columns(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Array, Flags]:
    """(n) confidences and (n) whether right.

    Raises:
        CallerError: none, of different length, or a confidence outside [0, 1].
    """
    if not len(confidence) or len(confidence) != len(right):
        raise CallerError(f"{len(confidence)} confidences and {len(right)} answers; there must be as many, and some")
    scores = np.array(confidence, float)
    bad = np.flatnonzero(~((scores >= 0.0) & (scores <= 1.0)))
    if len(bad):
        raise CallerError(f"confidence {bad[0]} is {confidence[bad[0]]!r}; allowed are numbers from 0 to 1")
    return scores, np.array(right, bool)


def check_share(name: str, value: float) -> None:
    """Refuse what is no share.

    Raises:
        CallerError: outside [0, 1], or NaN.
    """
    if not 0.0 <= value <= 1.0:
        raise CallerError(f"{name} is {value!r}; allowed are numbers from 0 to 1")
