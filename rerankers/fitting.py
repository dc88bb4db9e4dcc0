"""Fitting calibrators: logistic and isotonic curves through (score, relevant) pairs, by scikit-learn."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, ExtraMissing
from foveate.ids import digest
from foveate.rerankers.calibration import Calibrator, Curve, Fitted, Method, Scale, check_score, feature

__all__ = ["MIN_EACH", "MIN_PAIRS", "Pair", "fit_calibrator"]

Pair = tuple[float, bool]
"""(score, whether the candidate was relevant)."""
MIN_PAIRS = 20
MIN_EACH = 5
"""Pairs of either class: each of the five folds then leaves one out."""
_FOLDS = 5
_BINS = 15


def fit_calibrator(
    pairs: Sequence[Pair], *, model: str, method: Method = "platt", scale: Scale = "probability"
) -> Calibrator:
    """Fit on pairs that the reranker was not trained on.

    ``platt`` is a logistic curve towards class frequencies smoothed as Platt did (Advances in Large Margin
    Classifiers, 1999); ``isotonic`` any rising curve (Zadrozny and Elkan, KDD 2002). Below some 1,000 pairs the
    isotonic curve overfits (Niculescu-Mizil and Caruana, ICML 2005): compare ``fitted.brier_after``.

    Args:
        pairs: (score, relevant), 20 or more, 5 or more of either class; their order does not matter.
        model: ``name`` of the reranker that gave the scores.
        method: which curve.
        scale: what the scores are.

    Raises:
        CallerError: too few pairs, one class only, a bad score (named by its place), an unknown method or scale, or
            scores that do not rise with relevance.
        ExtraMissing: without scikit-learn.
    """
    _check_choice("method", method, get_args(Method))
    _check_choice("scale", scale, get_args(Scale))
    scores, labels = _columns(pairs, scale)
    curve = _fit(scores, labels, method, scale)
    held_out = np.empty(len(scores))
    fold = np.arange(len(scores)) % _FOLDS  # rows are sorted by class and score: every fold gets its share of both
    for one in range(_FOLDS):
        part = _fit(scores[fold != one], labels[fold != one], method, scale)
        held_out[fold == one] = [part(float(score)) for score in scores[fold == one]]
    own = scale == "probability"
    fitted = Fitted(
        data=digest(*(f"{score!r} {label}" for score, label in zip(scores.tolist(), labels.tolist(), strict=True))),
        pairs=len(scores),
        positives=int(labels.sum()),
        ece_before=_ece(scores, labels) if own else None,
        brier_before=_brier(scores, labels) if own else None,
        ece_after=_ece(held_out, labels),
        brier_after=_brier(held_out, labels),
    )
    return Calibrator(model=model, curve=curve, fitted=fitted)


def _fit(scores: NDArray[np.float64], labels: NDArray[np.int64], method: Method, scale: Scale) -> Curve:
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "train") from error
    if method == "platt":
        slope, intercept = _logistic_fit(scores, labels, scale)
        return Curve(method=method, scale=scale, xs=(slope,), ys=(intercept,), pairs=len(scores))
    steps = IsotonicRegression(y_min=0.0, y_max=1.0, increasing=True).fit(scores, labels)
    xs, ys = tuple(map(float, steps.X_thresholds_)), tuple(map(float, steps.y_thresholds_))
    if ys[0] == ys[-1]:
        raise CallerError("scores do not rise with relevance (one step over all); a calibrator cannot mend an order")
    return Curve(method=method, scale=scale, xs=xs, ys=ys, pairs=len(scores))


def _logistic_fit(scores: NDArray[np.float64], labels: NDArray[np.int64], scale: Scale) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    x = np.array([feature(float(score), scale) for score in scores])[:, None]  # (n, 1)
    # A solver's steps depend on the unit: in standard units they do not.
    middle, spread = float(x.mean()), float(x.std()) or 1.0
    unit = (x - middle) / spread
    yes = int(labels.sum())
    # Platt's targets are fractions: each pair counts as both classes, with the shares as weights.
    target = np.where(labels == 1, (yes + 1.0) / (yes + 2.0), 1.0 / (len(labels) - yes + 2.0))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    weights = np.concatenate([target, 1.0 - target])
    model.fit(np.concatenate([unit, unit]), np.repeat([1, 0], len(x)), sample_weight=weights)
    slope = float(model.coef_[0, 0]) / spread
    if slope <= 1e-9:
        raise CallerError(f"scores do not rise with relevance (slope {slope:.3g}); a calibrator cannot mend an order")
    return slope, float(model.intercept_[0]) - slope * middle


def _ece(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Expected calibration error over bins of equal width (Guo et al., ICML 2017)."""
    place = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(place, weights=probabilities - labels)).sum()) / len(labels)


def _brier(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return float(((probabilities - labels) ** 2).mean())


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise CallerError(f"{name} is {value!r}; choose one of: {', '.join(choices)}")


def _columns(pairs: Sequence[Pair], scale: Scale) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n) scores and (n) classes, sorted by class, then score."""
    for place, (score, label) in enumerate(pairs):
        check_score(score, scale, f"pair {place}: score")
        if label not in (0, 1):
            raise CallerError(f"pair {place}: relevant is {label!r}; allowed are True and False")
    yes = sum(bool(label) for _, label in pairs)
    if len(pairs) < MIN_PAIRS or min(yes, len(pairs) - yes) < MIN_EACH:
        raise CallerError(
            f"{len(pairs)} pairs, {yes} of them relevant: a calibrator needs {MIN_PAIRS} or more, "
            f"and {MIN_EACH} or more of either class"
        )
    ordered = sorted((int(label), float(score)) for score, label in pairs)
    return np.array([score for _, score in ordered]), np.array([label for label, _ in ordered])
