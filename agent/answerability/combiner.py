"""One question's signals to the probability of each outcome, of which that of ``right`` is the confidence."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foveate.agent.answerability.logistic import read_logistic
from foveate.agent.answerability.trees import read_trees
from foveate.errors import CallerError
from foveate.rerankers.calibration import Curve, read_curve

__all__ = ["OUTCOMES", "Combiner", "Model", "calibrated", "finite", "read_combiner", "softmax"]

Array = NDArray[np.float64]

OUTCOMES = ("right", "wrong", "absent_object", "incompatible_question", "false_premise", "no_evidence")
"""Answering would be right; it could be, but ours is wrong; or why there is no answer."""
_MOST_FEATURES = 1_000


class Model(Protocol):
    """Scores of outcomes: log-probabilities up to a constant, a sum over signals."""

    def scores(self, x: Array) -> Array:
        """(n, F) signals, NaN unknown, to (n, K) scores."""

    def contributions(self, x: Array) -> Array:
        """(F) to (F, K): with ``bias`` they sum to the scores."""

    @property
    def bias(self) -> Array:
        """(K)."""

    def to_dict(self) -> dict[str, Any]:
        """As a file holds it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Combiner:
    """Fitted on questions whose outcome is known; :func:`foveate.agent.answerability.fitting.fit_combiner`."""

    features: tuple[str, ...]
    """Signals it knows."""
    classes: tuple[str, ...]
    """Outcomes that were met in fitting, ``right`` among them; others have probability 0."""
    model: Model
    curve: Curve
    """From the model's probability of ``right`` to a calibrated one."""
    made_for: Mapping[str, str]
    """``encoder`` and ``reasoner`` that the signals came from: those of others mean something else."""

    def outcomes(self, signals: Mapping[str, float]) -> dict[str, float]:
        """Probability of each of ``OUTCOMES``; they sum to 1.

        ``right`` is calibrated, the others keep their proportions. What is answerable is ``right`` + ``wrong``.

        Args:
            signals: by name; NaN, or left out, is unknown.

        Raises:
            CallerError: a signal that the combiner does not know, or that is infinite or no number.
        """
        return self.outcomes_many([signals])[0]

    def outcomes_many(self, many: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
        """The same of several questions at once; errors name the place in ``many``."""
        chances = softmax(self.model.scores(self.matrix(many)))
        right = self.classes.index("right")
        found = []
        for row in calibrated(chances, right, self.curve).tolist():
            known = dict(zip(self.classes, row, strict=True))
            found.append({name: known.get(name, 0.0) for name in OUTCOMES})
        return found

    def explain(self, signals: Mapping[str, float], outcome: str = "right") -> list[tuple[str, float]]:
        """What each signal added to the log-odds of an outcome, before calibration; largest first, either sign.

        The log-odds are the mean of those against each other outcome. With :meth:`bias` the contributions sum to
        them: weight times value in a regression, the change of the mean along the paths in trees (Saabas, 2014).

        Raises:
            CallerError: as :meth:`outcomes`, or an outcome that the combiner does not tell.
        """
        added = self.model.contributions(self.matrix([signals])[0]) @ self._contrast(outcome)
        named = zip(self.features, added.tolist(), strict=True)
        return sorted(((name, value) for name, value in named if value), key=lambda one: (-abs(one[1]), one[0]))

    def bias(self, outcome: str = "right") -> float:
        """Log-odds of an outcome before any signal is looked at.

        Raises:
            CallerError: an outcome that the combiner does not tell.
        """
        return float(self.model.bias @ self._contrast(outcome))

    def matrix(self, many: Sequence[Mapping[str, float]]) -> Array:
        """(n, F) signals in the order of ``features``, NaN where unknown.

        Raises:
            CallerError: as :meth:`outcomes`.
        """
        place = {name: at for at, name in enumerate(self.features)}
        x = np.full((len(many), len(place)), np.nan)
        for row, signals in enumerate(many):
            for name, value in signals.items():
                if name not in place:
                    raise CallerError(f"signal {name!r} of question {row} is unknown; choose from: {_listed(place)}")
                x[row, place[name]] = finite(value, f"signal {name!r} of question {row}")
        return x

    def to_dict(self) -> dict[str, Any]:
        """As a file holds it."""
        return {
            "features": list(self.features),
            "classes": list(self.classes),
            "model": self.model.to_dict(),
            "curve": {name: getattr(self.curve, name) for name in ("method", "scale", "xs", "ys", "pairs")},
            "made_for": dict(self.made_for),
        }

    def _contrast(self, outcome: str) -> Array:
        if outcome not in self.classes:
            raise CallerError(f"outcome is {outcome!r}; choose from: {_listed(self.classes)}")
        others = len(self.classes) - 1
        return np.array([1.0 if name == outcome else -1.0 / others for name in self.classes])


def finite(value: Any, what: str) -> float:
    """A number, NaN allowed.

    Raises:
        CallerError: infinite or no number; names ``what``.
    """
    good = isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)
    if not good or abs(value) > sys.float_info.max:
        raise CallerError(f"{what} is {value!r:.80}; allowed are finite numbers, and NaN for unknown")
    return float(value)


def softmax(scores: Array) -> Array:
    """(n, K) scores to probabilities; rows sum to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Array = raised / raised.sum(axis=1, keepdims=True)
    return found


def calibrated(chances: Array, right: int, curve: Curve) -> Array:
    """(n, K) probabilities with column ``right`` put on the curve and the others scaled so that rows sum to 1."""
    mapped = np.array([curve(float(min(chance, 1.0))) for chance in chances[:, right]])
    others = np.delete(chances, right, axis=1)
    # Where the model is sure beyond doubles, nothing tells the others apart.
    others = np.where(others.sum(axis=1, keepdims=True) > 0.0, others, 1.0)
    others *= ((1.0 - mapped) / others.sum(axis=1))[:, None]
    return np.insert(others, right, mapped, axis=1)


def read_combiner(body: Any) -> Combiner:
    """The combiner of a file, every field checked.

    Raises:
        ValueError: names the field.
    """
    names = ("features", "classes", "model", "curve", "made_for")
    if not isinstance(body, dict) or set(body) != set(names):
        raise ValueError(f"the fields of combiner must be {', '.join(names)}")
    features = _names(body["features"], "features")
    classes = _names(body["classes"], "classes")
    if classes != tuple(name for name in OUTCOMES if name in classes) or classes[0] != "right" or len(classes) < 2:
        raise ValueError(f"classes must be right and others of: {', '.join(OUTCOMES)}, in this order")
    curve = read_curve(body["curve"])
    if curve.scale != "probability":
        raise ValueError("scale of the curve must be 'probability'")
    return Combiner(
        features=features,
        classes=classes,
        model=_model(body["model"], len(features), len(classes)),
        curve=curve,
        made_for=_words(body["made_for"]),
    )


def _model(value: Any, features: int, outcomes: int) -> Model:
    readers: dict[str, Callable[..., Model]] = {"trees": read_trees, "logistic": read_logistic}
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in readers:
        raise ValueError(f"kind of model is {kind!r:.80}; it must be one of: {', '.join(readers)}")
    return readers[kind](value, features=features, outcomes=outcomes)


def _names(value: Any, what: str) -> tuple[str, ...]:
    good = isinstance(value, list) and 0 < len(value) <= _MOST_FEATURES
    if not good or not all(isinstance(one, str) and 0 < len(one) <= 100 for one in value):
        raise ValueError(f"{what} must be a list of names")
    if len(set(value)) != len(value):
        raise ValueError(f"{what} holds a name twice")
    return tuple(value)


def _words(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("made_for must hold names by what they are of")
    return dict(value)


def _listed(names: Any) -> str:
    return ", ".join(names)
