"""Scores as probabilities. A calibrator belongs to one reranker: the same score of another means something else.

It is kept as plain JSON, with what it was fitted on. :func:`foveate.rerankers.fitting.fit_calibrator` makes one.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from foveate.errors import CallerError
from foveate.rerankers.fitted import exact, number, parsed, read_fitted, write_fitted

__all__ = ["Calibrator", "Curve", "Fitted", "Method", "Scale", "check_score", "read_curve"]

Method = Literal["platt", "isotonic"]
Scale = Literal["probability", "any"]
"""``probability``: scores in [0, 1], taken as log-odds by Platt's method. ``any``: real numbers, taken as they are."""

_FORM = 1
_MAX_BYTES = 4_000_000
_EDGE = 1e-12
"""Log-odds of 0 and 1 are infinite. Doubles still tell 1 - 1e-12 from its neighbours; models are that sure."""
_SLIVER = 1e-6
"""Share of the score itself in an isotonic probability: what falls on one step keeps its order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A rising function from scores to probabilities."""

    method: Method
    scale: Scale
    xs: tuple[float, ...]
    """Isotonic: scores at the corners, rising. Platt: the slope alone."""
    ys: tuple[float, ...]
    """Isotonic: probabilities there. Platt: the intercept alone."""
    pairs: int
    """How many it rests on."""

    def __call__(self, score: float) -> float:
        """Probability in [0, 1]; a higher score never gets a lower one.

        Isotonic steps are kept off 0 and 1 by 1/(pairs + 2) (Laplace), the least that so few pairs can tell.

        Raises:
            CallerError: NaN, infinite, or outside [0, 1] on the scale ``probability``.
        """
        check_score(score, self.scale, "score")
        if self.method == "platt":
            return _logistic(self.xs[0] * feature(score, self.scale) + self.ys[0])
        edge = 1.0 / (self.pairs + 2)
        step = min(max(_between(score, self.xs, self.ys), edge), 1.0 - edge)
        return (1.0 - _SLIVER) * step + _SLIVER * (0.5 + 0.5 * score / (1.0 + abs(score)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What a calibrator was fitted on, and what it did."""

    data: str
    """Digest of the pairs, whatever their order."""
    pairs: int
    positives: int
    ece_before: float | None
    """Expected calibration error of the scores, 15 bins; None where they are no probabilities."""
    brier_before: float | None
    ece_after: float
    """Of probabilities that each fifth got from a fit on the other four: on its own data any fit looks better."""
    brier_after: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibrator:
    """From the scores of one reranker to the probability of being relevant."""

    model: str
    """``name`` of the reranker."""
    curve: Curve
    fitted: Fitted

    def probability(self, score: float) -> float:
        """Probability in [0, 1] that a candidate of this score is relevant.

        Raises:
            CallerError: NaN, infinite, or off the scale.
        """
        return self.curve(score)

    def check(self, model: str) -> None:
        """Refuse to judge another reranker's scores.

        Raises:
            CallerError: ``model`` is not the reranker it was fitted for.
        """
        if self.model != model:
            raise CallerError(
                f"this calibrator was fitted on scores of {self.model!r} and says nothing about those of {model!r}; "
                "fit one on them"
            )

    def save(self, path: Path) -> None:
        """Write JSON; a crash leaves the old or the new file whole.

        Raises:
            ServiceError: it cannot be written.
        """
        write_fitted(path, {"form": _FORM, **asdict(self)})

    @classmethod
    def load(cls, path: Path, *, model: str) -> "Calibrator":
        """Read what ``save`` wrote.

        Args:
            path: the file.
            model: ``name`` of the reranker whose scores will be given.

        Raises:
            CallerError: no such file, or fitted on another reranker's scores.
            ModelError: damaged; names the file and the field.
        """
        made = read_fitted(path, "calibrator", _read, _MAX_BYTES)
        made.check(model)
        return made


def check_score(score: float, scale: Scale, what: str) -> None:
    """Refuse what is no score.

    Raises:
        CallerError: names ``what``, the score and what is allowed.
    """
    if not math.isfinite(score) or (scale == "probability" and not 0.0 <= score <= 1.0):
        allowed = "numbers from 0 to 1" if scale == "probability" else "finite numbers"
        raise CallerError(f"{what} is {score!r}; allowed are {allowed}")


def feature(score: float, scale: Scale) -> float:
    """What Platt's curve is linear in: log-odds of a probability, any other score itself."""
    if scale == "any":
        return score
    inner = min(max(score, _EDGE), 1.0 - _EDGE)
    return math.log(inner) - math.log1p(-inner)


def _logistic(x: float) -> float:
    # Two forms, so that neither exp overflows.
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _between(score: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    if score <= xs[0]:
        return ys[0]
    if score >= xs[-1]:
        return ys[-1]
    right = bisect_right(xs, score)
    share = (score - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + share * (ys[right] - ys[right - 1])


# ---- reading: every field is checked, since the file may come from anywhere


def _read(raw: bytes) -> Calibrator:
    body = exact(parsed(raw, _FORM), Calibrator, "calibrator")
    if not isinstance(body["model"], str):
        raise ValueError(f"model is {body['model']!r}")
    return Calibrator(model=body["model"], curve=read_curve(body["curve"]), fitted=_fitted(body["fitted"]))


def read_curve(value: Any) -> Curve:
    """A curve of a file, every field checked.

    Raises:
        ValueError: names the field.
    """
    body = exact(value, Curve, "curve")
    for name, choices in (("method", get_args(Method)), ("scale", get_args(Scale))):
        if body[name] not in choices:
            raise ValueError(f"{name} is {body[name]!r}; it must be one of: {', '.join(choices)}")
    xs, ys = _row(body["xs"], "xs"), _row(body["ys"], "ys")
    if body["method"] == "platt":
        good = len(xs) == len(ys) == 1 and xs[0] > 0.0
    else:
        rising = all(a < b for a, b in pairwise(xs)) and list(ys) == sorted(ys)
        good = 0 < len(xs) == len(ys) and rising and 0.0 <= ys[0] and ys[-1] <= 1.0
    if not good:
        raise ValueError("xs and ys are no rising curve")
    return Curve(method=body["method"], scale=body["scale"], xs=xs, ys=ys, pairs=int(number(body["pairs"], "pairs", 1)))


def _fitted(value: Any) -> Fitted:
    body = exact(value, Fitted, "fitted")
    said = {name: None if body[name] is None else number(body[name], name, 0.0) for name in body if name != "data"}
    missing = [name for name, one in said.items() if one is None and not name.endswith("_before")]
    if missing:
        raise ValueError(f"{missing[0]} is None")
    return Fitted(
        data=str(body["data"]),
        pairs=int(said["pairs"] or 0),
        positives=int(said["positives"] or 0),
        ece_before=said["ece_before"],
        brier_before=said["brier_before"],
        ece_after=said["ece_after"] or 0.0,
        brier_after=said["brier_after"] or 0.0,
    )


def _row(value: Any, name: str) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return tuple(number(one, name, -math.inf) for one in value)
