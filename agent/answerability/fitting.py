"""Fitting a combiner on questions whose outcome is known; every figure is of questions that the fit did not see."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from foveate.agent.answerability.combiner import OUTCOMES, Combiner, calibrated, finite
from foveate.agent.answerability.learning import Setting, learn, predicted
from foveate.agent.answerability.policy import Asked
from foveate.errors import CallerError, ExtraMissing
from foveate.ids import digest
from foveate.rerankers.calibration import Curve
from foveate.rerankers.lora.figures import auroc, ece

__all__ = ["MIN_EACH", "Fit", "Method", "Row", "fit_combiner"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Method = Literal["trees", "logistic", "auto"]

MIN_EACH = 10
"""Questions of each outcome that occurs at all."""
_BINS = 15
_LEAST = 1e-6
"""Probability below which the logarithmic loss does not look."""
_ANSWERABLE = frozenset(("right", "wrong"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A question."""

    signals: Mapping[str, float]
    """By name; NaN, or left out, is unknown."""
    outcome: str
    """One of :data:`foveate.agent.answerability.combiner.OUTCOMES`."""
    group: str
    """Concept: questions that share one are fitted on, or judged, together."""
    form: str = ""
    """What kind of unanswerable question it is, for the report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A combiner, and what it does on questions that were left out when the like of it was fitted."""

    combiner: Combiner
    setting: str
    """The way of fitting that was chosen."""
    losses: dict[str, float]
    """Logarithmic loss of each way, before calibration, nats a question."""
    held_out: tuple[dict[str, float], ...]
    """Outcomes of each row, in their order, by a model and a curve of the other folds."""
    auroc: float
    """Of ``right`` + ``wrong`` for what is answerable; NaN where all or nothing is."""
    forms: dict[str, float]
    """The same of each form's unanswerable rows against all answerable ones."""
    ece: float
    """Expected calibration error of ``right``, 15 bins."""
    log_loss: float
    """Nats a question, after calibration."""
    rows: int
    groups: int

    def asked(self, rows: Sequence[Row]) -> list[Asked]:
        """What a policy is fitted on: the held-out confidences of the rows that the fit was made of."""
        if len(rows) != self.rows:
            raise CallerError(f"{len(rows)} rows; the fit was made of {self.rows}")
        return [
            Asked(confidence=said["right"], right=row.outcome == "right", answerable=row.outcome in _ANSWERABLE)
            for said, row in zip(self.held_out, rows, strict=True)
        ]


def fit_combiner(
    rows: Sequence[Row],
    *,
    method: Method = "auto",
    folds: int = 5,
    seed: int = 0,
    made_for: Mapping[str, str] | None = None,
) -> Fit:
    """Fit on all rows, in the setting whose cross-fitted logarithmic loss is lowest.

    Folds part by group. Boosted trees (Friedman, Annals of Statistics 2001) or a multinomial regression give the
    outcomes; ``right`` is then calibrated by isotonic regression (Zadrozny and Elkan, KDD 2002) on the cross-fitted
    probabilities. Figures use, for each fold, a curve of the others as well. A dozen settings are compared on the rows
    that the figures are of: these are better by very little than those of new concepts.

    Args:
        rows: of concepts that nothing is tested on.
        method: ``auto`` takes the better.
        folds: 2 to 20.
        seed: of the folds and of scikit-learn.
        made_for: ``encoder`` and ``reasoner`` that gave the signals.

    Raises:
        CallerError: an unknown outcome, method or bad signal; fewer than ``MIN_EACH`` rows of an outcome that occurs;
            none that is ``right``, or nothing else; fewer groups than folds.
        ExtraMissing: without scikit-learn.
    """
    if method not in get_args(Method):
        raise CallerError(f"method is {method!r}; choose one of: {', '.join(get_args(Method))}")
    classes = _classes(rows)
    features = tuple(sorted({name for row in rows for name in row.signals}))
    if not features:
        raise CallerError("the rows hold no signals")
    x = _matrix(rows, features)
    y = np.array([classes.index(row.outcome) for row in rows])
    fold = _folds([row.group for row in rows], folds, seed)
    crossed = _crossed(("trees", "logistic") if method == "auto" else (method,), x, y, fold, len(classes), seed)
    losses = {setting: _loss(chances, y) for setting, chances in crossed.items()}
    best = min(losses, key=lambda setting: losses[setting])
    combiner = Combiner(
        features=features,
        classes=classes,
        model=learn(best, x, y, seed=seed),
        curve=_curve(crossed[best], y),
        made_for=dict(made_for or {}),
    )
    held = np.empty_like(crossed[best])
    for one in range(folds):
        held[fold == one] = calibrated(
            crossed[best][fold == one], 0, _curve(crossed[best][fold != one], y[fold != one])
        )
    return _report(rows, combiner, best, losses, held, y)


def _report(
    rows: Sequence[Row], combiner: Combiner, best: Setting, losses: Mapping[Setting, float], held: Array, y: Codes
) -> Fit:
    answerable = np.array([row.outcome in _ANSWERABLE for row in rows])
    place = [at for at, name in enumerate(combiner.classes) if name in _ANSWERABLE]
    score = held[:, place].sum(axis=1)
    forms = {}
    for form in sorted({row.form for row in rows if row.form and row.outcome not in _ANSWERABLE}):
        kept = answerable | np.array([row.form == form for row in rows])
        forms[form] = _known(auroc(score[kept], answerable[kept]))
    return Fit(
        combiner=combiner,
        setting=str(best),
        losses={str(setting): loss for setting, loss in losses.items()},
        held_out=tuple(_named(combiner.classes, row) for row in held.tolist()),
        auroc=_known(auroc(score, answerable)),
        forms=forms,
        ece=ece(held[:, 0], y == 0, _BINS),
        log_loss=_loss(held, y),
        rows=len(rows),
        groups=len({row.group for row in rows}),
    )


def _named(classes: Sequence[str], row: Sequence[float]) -> dict[str, float]:
    known = dict(zip(classes, row, strict=True))
    return {name: known.get(name, 0.0) for name in OUTCOMES}


def _classes(rows: Sequence[Row]) -> tuple[str, ...]:
    """Outcomes that occur, ``right`` first."""
    counts = Counter(row.outcome for row in rows)
    for at, row in enumerate(rows):
        if row.outcome not in OUTCOMES:
            raise CallerError(f"outcome of row {at} is {row.outcome!r}; choose from: {', '.join(OUTCOMES)}")
    few = [f"{count} {name!r}" for name, count in counts.items() if count < MIN_EACH]
    if few or "right" not in counts or len(counts) < 2:
        raise CallerError(
            f"{len(rows)} rows, too few of {', '.join(few) or 'either kind'}: a combiner needs {MIN_EACH} or more of "
            "each outcome that occurs, 'right' and another among them"
        )
    return tuple(name for name in OUTCOMES if name in counts)


def _matrix(rows: Sequence[Row], features: Sequence[str]) -> Array:
    """(n, F), NaN where unknown."""
    place = {name: at for at, name in enumerate(features)}
    x = np.full((len(rows), len(features)), np.nan)
    for at, row in enumerate(rows):
        for name, value in row.signals.items():
            x[at, place[name]] = finite(value, f"signal {name!r} of row {at}")
    return x


def _folds(groups: Sequence[str], folds: int, seed: int) -> Codes:
    """(n) the fold of each row; groups stay whole, folds about equal, whatever the order of the rows."""
    sizes = Counter(groups)
    if not 2 <= folds <= 20 or len(sizes) < folds:
        raise CallerError(
            f"folds is {folds!r}; allowed are 2 to 20, and no more than groups, of which there are {len(sizes)}"
        )
    filled, chosen = [0] * folds, {}
    for group in sorted(sizes, key=lambda one: (-sizes[one], digest(str(seed), one))):
        chosen[group] = min(range(folds), key=lambda one: filled[one])
        filled[chosen[group]] += sizes[group]
    return np.array([chosen[group] for group in groups])


def _crossed(methods: Sequence[str], x: Array, y: Codes, fold: Codes, outcomes: int, seed: int) -> dict[Setting, Array]:
    """Every setting's (n, K) probabilities by a fit on the other folds."""
    found: dict[Setting, Array] = {}
    for one in np.unique(fold):
        kept, out = fold != one, fold == one
        if not (y[kept] == 0).any() or (y[kept] == y[kept][0]).all():
            raise CallerError("without the groups of one fold, one outcome is left: use other folds, or more groups")
        for method in methods:
            for setting, chances in predicted(method, x[kept], y[kept], x[out], outcomes=outcomes, seed=seed).items():
                found.setdefault(setting, np.empty((len(x), outcomes)))[out] = chances
    return found


def _curve(chances: Array, y: Codes) -> Curve:
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "train") from error
    steps: Any = IsotonicRegression(y_min=0.0, y_max=1.0).fit(chances[:, 0], y == 0)
    xs, ys = tuple(map(float, steps.X_thresholds_)), tuple(map(float, steps.y_thresholds_))
    return Curve(method="isotonic", scale="probability", xs=xs, ys=ys, pairs=len(y))


def _loss(chances: Array, y: Codes) -> float:
    return float(-np.log(np.maximum(chances[np.arange(len(y)), y], _LEAST)).mean())


def _known(value: float | None) -> float:
    return float("nan") if value is None else value
