"""Calibration of verdicts: one temperature and a bias for each word. A scale belongs to one model.

Bias-corrected temperature scaling (Alexandari, Kundaje and Shrikumar, ICML 2020), of which plain temperature scaling
(Guo et al., ICML 2017) is the case without biases. Kept as plain JSON, with what it was fitted on.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.rerankers.fitted import exact, number, parsed, read_fitted, write_fitted
from foveate.rerankers.reasoning.entailment import LABELS, Entailment, Label
from foveate.rerankers.reasoning.logit import fit_logit, softmax

__all__ = ["MIN_EACH", "MIN_PAIRS", "ScaleFit", "VerdictScale", "ece_of", "fit_scale"]

MIN_PAIRS = 30
MIN_EACH = 5
"""Pairs of each label: every one of the five folds then leaves one out."""
_FOLDS = 5
_BINS = 15
_FORM = 1
_MAX_BYTES = 100_000
_EDGE = 1e-12
_PRIOR = np.array([1.0, 0.0, 0.0])
_STRENGTH = 0.1
"""Of a ridge towards changing nothing: perfectly told pairs must not push the slope to infinity."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleFit:
    """What a scale was fitted on, and what it did."""

    data: str
    """Digest of the pairs, whatever their order."""
    pairs: int
    ece_before: float
    """Expected calibration error of the likeliest label, 15 bins."""
    ece_after: float
    """Of probabilities that each fifth got from a fit on the other four."""
    loss_before: float
    """Mean negative natural logarithm of the right label's probability."""
    loss_after: float


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictScale:
    """From a model's shares of the three words to probabilities."""

    model: str
    """``name`` of the chat model."""
    temperature: float
    """Above 0; larger is less sure."""
    entailed: float
    """Added to the log-odds of entailed against neutral."""
    contradicted: float
    fitted: ScaleFit

    def __call__(self, said: Entailment) -> Entailment:
        """Calibrated; what is unknown stays unknown."""
        if not said.known:
            return said
        logs = np.array([math.log(max(value, _EDGE)) for value in said.probabilities])
        row = softmax((logs / self.temperature + [self.entailed, self.contradicted, 0.0])[None])[0]
        return Entailment(entailed=float(row[0]), contradicted=float(row[1]), neutral=float(row[2]), usage=said.usage)

    def check(self, model: str) -> None:
        """Refuse to judge another model's words.

        Raises:
            CallerError: ``model`` is not the one it was fitted for.
        """
        if self.model != model:
            raise CallerError(
                f"this scale was fitted on verdicts of {self.model!r} and says nothing about those of {model!r}; "
                "fit one on them"
            )

    def save(self, path: Path) -> None:
        """Write JSON; a crash leaves the old or the new file whole.

        Raises:
            ServiceError: it cannot be written.
        """
        write_fitted(path, {"form": _FORM, **asdict(self)})

    @classmethod
    def load(cls, path: Path, *, model: str) -> "VerdictScale":
        """Read what :meth:`save` wrote.

        Args:
            path: the file.
            model: ``name`` of the chat model whose verdicts will be given.

        Raises:
            CallerError: no such file, or fitted on another model.
            ModelError: damaged; names the file and the field.
        """
        made = read_fitted(path, "scale", _parsed, _MAX_BYTES)
        made.check(model)
        return made


def fit_scale(said: Sequence[Entailment], right: Sequence[Label], *, model: str) -> VerdictScale:
    """Fit on pairs that the model was not trained on.

    Args:
        said: uncalibrated entailments; unknown ones are left out.
        right: the label of each.
        model: ``name`` of the chat model that said them.

    Raises:
        CallerError: rows that do not fit, an unknown label, too few pairs, or verdicts that do not go with the labels.
    """
    rows, chosen = _columns(said, right)
    slope, entailed, contradicted = _fit(rows, chosen)
    held_out = np.empty_like(rows)
    fold = np.arange(len(rows)) % _FOLDS  # rows are sorted by label: every fold gets its share of each
    for one in range(_FOLDS):
        held_out[fold == one] = _apply(rows[fold == one], _fit(rows[fold != one], chosen[fold != one]))
    raw = np.exp(rows)
    fitted = ScaleFit(
        data=digest(*(f"{row!r} {label}" for row, label in zip(rows.tolist(), chosen.tolist(), strict=True))),
        pairs=len(rows),
        ece_before=ece_of(raw, chosen),
        ece_after=ece_of(held_out, chosen),
        loss_before=_loss(raw, chosen),
        loss_after=_loss(held_out, chosen),
    )
    return VerdictScale(
        model=model, temperature=1.0 / slope, entailed=entailed, contradicted=contradicted, fitted=fitted
    )


def ece_of(probabilities: NDArray[np.float64], chosen: NDArray[np.int64], bins: int = _BINS) -> float:
    """Expected calibration error of the likeliest label (Guo et al., ICML 2017).

    Args:
        probabilities: (n, 3) in the order of :data:`foveate.rerankers.reasoning.entailment.LABELS`.
        chosen: (n) positions of the right labels.
        bins: of equal width.
    """
    if not len(chosen):
        return math.nan
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == chosen
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(place, weights=sure - right)).sum()) / len(chosen)


def _columns(said: Sequence[Entailment], right: Sequence[Label]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, 3) natural logarithms and (n) labels, sorted, so that the order of the pairs does not matter."""
    if len(said) != len(right):
        raise CallerError(f"{len(said)} entailments and {len(right)} labels; there must be as many")
    for place, label in enumerate(right):
        if label not in LABELS:
            raise CallerError(f"label {place} is {label!r}; choose one of: {', '.join(LABELS)}")
    pairs = sorted(
        (LABELS.index(label), one.probabilities) for one, label in zip(said, right, strict=True) if one.known
    )
    chosen = np.array([label for label, _ in pairs], dtype=np.int64)
    counts = np.bincount(chosen, minlength=3)
    if len(pairs) < MIN_PAIRS or counts.min() < MIN_EACH:
        told = ", ".join(f"{count} {label}" for label, count in zip(LABELS, counts.tolist(), strict=True))
        raise CallerError(f"{len(pairs)} pairs ({told}): a scale needs {MIN_PAIRS} or more, {MIN_EACH} of each label")
    return np.log(np.maximum(np.array([row for _, row in pairs]), _EDGE)), chosen


def _fit(rows: NDArray[np.float64], chosen: NDArray[np.int64]) -> tuple[float, float, float]:
    """Slope (1 / temperature) and the two biases."""
    weights = fit_logit(_features(rows), chosen, _PRIOR, _STRENGTH)
    if weights[0] <= 1e-3:
        raise CallerError(f"verdicts do not go with the labels (slope {weights[0]:.3g}); a scale cannot mend an order")
    return float(weights[0]), float(weights[1]), float(weights[2])


def _features(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3 labels, 3 features): logarithm, is it entailed, is it contradicted."""
    biases = np.broadcast_to(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), (len(rows), 3, 2))
    return np.concatenate([rows[:, :, None], biases], axis=2)


def _apply(rows: NDArray[np.float64], weights: tuple[float, float, float]) -> NDArray[np.float64]:
    return softmax(_features(rows) @ np.array(weights))


def _loss(probabilities: NDArray[np.float64], chosen: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(chosen)), chosen], _EDGE)).mean())


def _parsed(raw: bytes) -> VerdictScale:
    body = exact(parsed(raw, _FORM), VerdictScale, "scale")
    fitted = exact(body["fitted"], ScaleFit, "fitted")
    if not isinstance(body["model"], str):
        raise ValueError(f"model is {body['model']!r:.80}")
    numbers = {name: number(body[name], name) for name in ("temperature", "entailed", "contradicted")}
    if numbers["temperature"] <= 0.0:
        raise ValueError(f"temperature is {numbers['temperature']!r}")
    told = {name: number(value, name) for name, value in fitted.items() if name not in ("data", "pairs")}
    pairs = int(number(fitted["pairs"], "pairs"))
    return VerdictScale(model=body["model"], fitted=ScaleFit(data=str(fitted["data"]), pairs=pairs, **told), **numbers)
