"""From what confidence on a question is answered: by the share of wrong answers that one is ready to get."""

import logging
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from foveate.agent.answerability.risk import NEVER, check_share, columns, selective_threshold
from foveate.errors import CallerError
from foveate.rerankers.fitted import exact, number

__all__ = ["TARGETS", "Asked", "Point", "Policy", "fit_policy", "read_policy"]

_LOG = logging.getLogger(__name__)

TARGETS = (*(percent / 100 for percent in range(1, 51)), 0.6, 0.7, 0.8, 0.9, 1.0)
"""Target risks that thresholds are looked for."""
_COST = 0.01
"""Share of the answerable that the default may lose."""
_MOST_POINTS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A calibration question: not one that its confidence was fitted on, or at least cross-fitted."""

    confidence: float
    """Probability that answering is right, in [0, 1]."""
    right: bool
    """Whether it would have been; False where there is no answer."""
    answerable: bool
    """Whether there is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What one target comes to on the calibration questions."""

    target: float
    """Share of wrong among answered that is tolerated."""
    threshold: float
    """Confidence from which a question is answered; above 1 where no threshold was shown to reach the target."""
    coverage: float
    """Share of the calibration questions that are answered."""
    risk: float | None
    """Share of wrong ones among these; None where none is answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Thresholds for target risks, and a default.

    For each target: with probability 1 - ``delta`` over the calibration questions, at most that share of the answers
    given is wrong, of questions drawn as these were (:func:`foveate.agent.answerability.risk.selective_threshold`).
    It says nothing of another collection, nor of several targets at once.
    """

    points: tuple[Point, ...]
    """By rising target; thresholds never rise with it."""
    keep: float
    """Default: the highest threshold at which 1% of the answerable at most lose a right answer. No guarantee."""
    delta: float
    questions: int
    """How many it rests on."""

    def threshold(self, target_risk: float | None = None) -> float:
        """Confidence from which to answer; above 1 is to abstain always.

        Args:
            target_risk: share of wrong answers among those given, in [0, 1]; between two of ``points`` the stricter
                holds. None is the default, ``keep``.

        Raises:
            CallerError: a target outside [0, 1].
        """
        if target_risk is None:
            return self.keep
        point = self.point(target_risk)
        if point is None or point.threshold > 1.0:
            _LOG.warning("no confidence was shown to keep wrong answers at %g or less: all abstain", target_risk)
        return NEVER if point is None else point.threshold

    def point(self, target_risk: float) -> Point | None:
        """The point that a target falls on; None below the lowest.

        Raises:
            CallerError: a target outside [0, 1].
        """
        check_share("target_risk", target_risk)
        place = bisect_right([point.target for point in self.points], target_risk + 1e-12)
        return self.points[place - 1] if place else None

    def to_dict(self) -> dict[str, Any]:
        """As a file holds it."""
        return asdict(self)


def fit_policy(asked: Sequence[Asked], *, delta: float = 0.1) -> Policy:
    """Thresholds from calibration questions, answerable or not in the shares that are to be expected.

    Args:
        asked: independent draws of one population, whose confidence did not see them. Cross-fitted confidences come
            close; questions that share a concept count as more than they tell, so that the guarantee weakens.
        delta: probability with which a target may be missed.

    Raises:
        CallerError: no questions, none that is answerable, a confidence or delta outside [0, 1], or one that is right
            and not answerable.
    """
    for place, one in enumerate(asked):
        if one.right and not one.answerable:
            raise CallerError(f"question {place} is right and not answerable; it cannot be both")
    confidence, right = [one.confidence for one in asked], [one.right for one in asked]
    points = []
    for target in TARGETS:
        threshold = selective_threshold(confidence, right, target, delta=delta)
        points.append(_point(confidence, right, target, threshold))
    return Policy(points=tuple(points), keep=_keep(asked), delta=delta, questions=len(asked))


def _point(confidence: Sequence[float], right: Sequence[bool], target: float, threshold: float) -> Point:
    scores, good = columns(confidence, right)
    answered = scores >= threshold
    risk = float((~good[answered]).mean()) if answered.any() else None
    return Point(target=target, threshold=threshold, coverage=float(answered.mean()), risk=risk)


def _keep(asked: Sequence[Asked]) -> float:
    """The highest threshold whose cost in accuracy on the answerable is at most ``_COST``."""
    answerable = sum(one.answerable for one in asked)
    if not answerable:
        raise CallerError("none of the questions is answerable; a default threshold needs some that are")
    lost = math.floor(_COST * answerable + 1e-9)
    right = np.sort([one.confidence for one in asked if one.right])
    return float(right[lost]) if lost < len(right) else NEVER


def read_policy(body: Any) -> Policy:
    """The policy of a file, every field checked.

    Raises:
        ValueError: names the field.
    """
    said = exact(body, Policy, "policy")
    rows = said["points"]
    if not isinstance(rows, list) or len(rows) > _MOST_POINTS:
        raise ValueError(f"points must be a list of at most {_MOST_POINTS}")
    points = tuple(_read_point(row) for row in rows)
    if not all(a.target < b.target and a.threshold >= b.threshold for a, b in pairwise(points)):
        raise ValueError("points must have rising targets, and thresholds that do not rise")
    return Policy(
        points=points,
        keep=_threshold(said["keep"], "keep"),
        delta=_share(said["delta"], "delta"),
        questions=int(number(said["questions"], "questions", 1)),
    )


def _read_point(row: Any) -> Point:
    said = exact(row, Point, "a point")
    read = {one.name: _share(said[one.name], one.name) for one in fields(Point) if one.name in ("target", "coverage")}
    risk = None if said["risk"] is None else _share(said["risk"], "risk")
    return Point(**read, threshold=_threshold(said["threshold"], "threshold"), risk=risk)


def _share(value: Any, name: str) -> float:
    found = number(value, name, 0.0)
    if found > 1.0:
        raise ValueError(f"{name} is {found!r}")
    return found


def _threshold(value: Any, name: str) -> float:
    return NEVER if value == NEVER else _share(value, name)
