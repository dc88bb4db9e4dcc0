"""Fitting the models of a combiner by scikit-learn, and taking their numbers out of it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from foveate.agent.answerability.combiner import Model, softmax
from foveate.agent.answerability.logistic import Logistic, standardised
from foveate.agent.answerability.trees import Trees
from foveate.errors import ExtraMissing

__all__ = ["SETTINGS", "Setting", "learn", "predicted"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_STAGES = (10, 20, 30, 40, 60, 80, 120)
_DEPTHS = (3, 4)
_LEAF = 20
_DIGITS = 9
"""Decimals kept of what a node adds: the sum of 120 is then right to 1e-7, and files are a third smaller."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One way to fit."""

    method: Literal["trees", "logistic"]
    depth: int = 0
    """Of trees."""
    rounds: int = 0
    """Trees an outcome."""
    strength: float = 0.0
    """Of a regression: the inverse of its penalty."""

    def __str__(self) -> str:
        """As a report names it."""
        if self.method == "trees":
            return f"trees of depth {self.depth}, {self.rounds} rounds"
        return f"logistic, C = {self.strength:g}"


SETTINGS: Mapping[str, tuple[Setting, ...]] = {
    "trees": tuple(Setting(method="trees", depth=depth, rounds=n) for depth in _DEPTHS for n in _STAGES),
    "logistic": tuple(Setting(method="logistic", strength=c) for c in (0.01, 0.03, 0.1, 0.3, 1.0)),
}
"""Small ones: some thousand questions do not carry more."""


def learn(setting: Setting, x: Array, y: Codes, *, seed: int) -> Model:
    """Fit one model.

    Args:
        setting: how.
        x: (n, F) signals, NaN unknown.
        y: (n) outcomes, 0 to K - 1, each of which occurs.
        seed: of scikit-learn.

    Raises:
        ExtraMissing: without scikit-learn.
    """
    if setting.method == "trees":
        return exported(_forest(setting.depth, setting.rounds, x, y, seed))
    return _regression(setting, x, y)


def predicted(method: str, x: Array, y: Codes, held: Array, *, outcomes: int, seed: int) -> dict[Setting, Array]:
    """Fit on (x, y) in every setting of a method; (m, K) probabilities of ``held`` each.

    An outcome that ``y`` lacks gets probability 0.
    """
    present = np.unique(y)
    place = np.searchsorted(present, y)
    found = {}
    for setting, chances in _every(method, x, place, held, seed):
        wide = np.zeros((len(held), outcomes))
        wide[:, present] = chances
        found[setting] = wide
    return found


def _every(method: str, x: Array, y: Codes, held: Array, seed: int) -> list[tuple[Setting, Array]]:
    if method == "logistic":
        return [(one, softmax(_regression(one, x, y).scores(held))) for one in SETTINGS["logistic"]]
    found = []
    for depth in _DEPTHS:
        # Fewer rounds are the first of more: one fit tells all.
        staged = list(_forest(depth, max(_STAGES), x, y, seed).staged_predict_proba(held))
        found += [(Setting(method="trees", depth=depth, rounds=n), staged[n - 1]) for n in _STAGES]
    return found


def _forest(depth: int, rounds: int, x: Array, y: Codes, seed: int) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "train") from error
    return HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=rounds,
        max_depth=depth,
        max_leaf_nodes=None,
        min_samples_leaf=_LEAF,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    ).fit(x, y)


def exported(forest: Any) -> Trees:
    """A fitted ``HistGradientBoostingClassifier`` without categorical features, as arrays."""
    baseline = np.asarray(forest._baseline_prediction, float).reshape(-1)
    placed = [(place, tree.nodes) for stage in forest._predictors for place, tree in enumerate(stage)]
    outcome, nodes = [place for place, _ in placed], [one for _, one in placed]
    sizes = [len(one) for one in nodes]
    start = np.cumsum([0, *sizes[:-1]])
    if len(baseline) == 1:  # two outcomes: one score, of the second
        baseline, outcome = np.array([0.0, baseline[0]]), [1] * len(start)
    flat = np.concatenate(nodes)
    leaf = flat["is_leaf"].astype(bool)
    shift = np.repeat(start, sizes)
    return Trees(
        baseline=baseline,
        outcome=np.array(outcome, np.int64),
        start=start.astype(np.int64),
        feature=np.where(leaf, -1, flat["feature_idx"]).astype(np.int64),
        # Infinite where only the unknown go right; JSON holds no infinities.
        threshold=np.where(leaf, 0.0, np.minimum(flat["num_threshold"], sys.float_info.max)),
        right=np.where(leaf, 0, flat["right"].astype(np.int64) + shift),
        missing_left=np.where(leaf, 0, flat["missing_go_to_left"]).astype(np.int64),
        value=np.round(np.concatenate([_means(one) for one in nodes]), _DIGITS),
    )


def _means(nodes: Any) -> Array:
    """(N) value of each node: scikit-learn leaves those above the leaves without the learning rate."""
    value: Array = nodes["value"].astype(float)
    for at in range(len(nodes) - 1, -1, -1):
        if not nodes["is_leaf"][at]:
            children = [int(nodes["left"][at]), int(nodes["right"][at])]
            value[at] = np.average(value[children], weights=nodes["count"][children])
    return value


def _regression(setting: Setting, x: Array, y: Codes) -> Logistic:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "train") from error
    known = ~np.isnan(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-12, spread, 1.0)
    fitted = LogisticRegression(C=setting.strength, max_iter=10_000).fit(np.hstack(standardised(x, mean, scale)), y)
    weights, bias = fitted.coef_.T, fitted.intercept_  # (2F, K), (K)
    if weights.shape[1] == 1:  # two outcomes: one score, of the second
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.array([0.0, bias[0]])
    half = x.shape[1]
    return Logistic(mean=mean, scale=scale, weights=weights[:half], unknown=weights[half:], bias=bias)
