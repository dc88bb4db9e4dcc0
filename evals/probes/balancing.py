"""Weights that make a set fair in its first and second moments.

Follows the multi-modal moment matching (M4) of Alabdulmohsin et al., "CLIP the Bias: How Useful is Balancing Data in
Multimodal Learning?" (ICLR 2024): each example gets a weight in [0, 1], as near to a wanted share as the constraints
on representation and association let it be; violations that cannot be avoided cost linearly.

Shapes: n examples, g groups, r labels.
"""

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["balance", "moments", "subsample"]

Array = NDArray[np.float64]
_PRICE = 50.0
"""Most that a unit of violation costs: the bound on each dual variable, so that impossible constraints end too."""
_STEPS = 20_000
_TOLERANCE = 1e-7


def moments(groups: Array, labels: Array, target: Array) -> Array:
    """Per-example contributions to what has to be 0 on average.

    Args:
        groups: (n, g) membership; rows may name none, one or several groups.
        labels: (n, r) of 0 and 1.
        target: (g) wanted shares, sum 1.

    Returns:
        (n, g + g * r): s - target for representation, then (s - target) * y for association, where s is the row's
        membership scaled to sum 1. Rows that name no group contribute 0: they are kept whatever the constraints.
    """
    total = groups.sum(axis=1, keepdims=True)
    named = total > 0
    centred = np.where(named, groups / np.where(named, total, 1.0) - target, 0.0)
    second = centred[:, :, None] * labels[:, None, :]  # (n, g, r)
    return np.concatenate([centred, second.reshape(len(groups), -1)], axis=1)


def balance(
    groups: Array,
    labels: Array,
    *,
    target: Array | None = None,
    share: float = 0.5,
    representation: float = 0.0,
    association: float = 0.0,
) -> Array:
    """Weights q: min |q - share|^2 / 2 + price x violations, 0 <= q <= 1, mean q = share, |mean(q m)| <= tolerance.

    Solved in its dual by accelerated projected gradient (Beck and Teboulle 2009): the same bytes for the same input.

    Args:
        groups: (n, g), see :func:`moments`.
        labels: (n, r) of 0 and 1.
        target: (g) wanted shares of the groups; equal ones if None.
        share: mean weight, that is the part of the set that is kept.
        representation: allowed size of each representation moment.
        association: the same for each association moment.

    Returns:
        (n) weights.

    Raises:
        CallerError: shapes that do not fit, a share outside (0, 1], or a target that is no distribution over groups.
    """
    target = _checked(groups, labels, target, share)
    m = moments(groups, labels, target)
    slack = np.concatenate(
        [np.full(groups.shape[1], representation), np.full(m.shape[1] - groups.shape[1], association)]
    )
    n = len(m)
    size = np.linalg.norm(m, axis=0) / n
    used = size > 0
    # Rows of equal length: without it a rare label's constraint converges a hundred times later than a common one's.
    rows = np.concatenate([(m[:, used] / n / size[used]).T, np.full((1, n), n**-0.5)])
    slack = np.append(slack[used] / size[used], 0.0)
    wanted = np.append(np.zeros(used.sum()), share * n**0.5)
    most = np.append(_PRICE * size[used] * n, np.inf)
    return _dual_ascent(rows, wanted, slack, most, share)


def subsample(weights: Array, *, alike: NDArray[np.int64] | None = None, seed: int = 0) -> NDArray[np.int64]:
    """Indices of a sample in which example i is with probability ``weights[i]``: systematic sampling (Madow 1949).

    Args:
        weights: (n) in [0, 1].
        alike: (n) number of the stratum of each example; each gives its sum of weights, rounded down or up, within
            one. Without it only the whole does.
        seed: of the order within a stratum and of the start.

    Returns:
        Sorted indices; as many as the sum of the weights, rounded down or up.
    """
    rng = np.random.default_rng(seed)
    strata = np.zeros(len(weights), np.int64) if alike is None else alike
    order = np.lexsort((rng.random(len(weights)), strata))
    kept = np.clip(weights, 0.0, 1.0)[order]
    ends = np.floor(np.cumsum(kept) + rng.random() + 1e-9)
    starts = np.concatenate([[0.0], ends[:-1]])
    return np.sort(order[ends > starts]).astype(np.int64)


def _checked(groups: Array, labels: Array, target: Array | None, share: float) -> Array:
    if groups.ndim != 2 or labels.ndim != 2 or len(groups) != len(labels) or not groups.size:
        raise CallerError(f"groups {groups.shape} and labels {labels.shape} must be (n, g) and (n, r) with n, g > 0")
    if not 0.0 < share <= 1.0:
        raise CallerError(f"share is {share!r}; it must be above 0 and at most 1")
    if target is None:
        return np.full(groups.shape[1], 1.0 / groups.shape[1])
    if target.shape != groups.shape[1:] or (target < 0).any() or abs(float(target.sum()) - 1.0) > 1e-6:
        raise CallerError(f"target {target.tolist()!r} must be {groups.shape[1]} shares that sum to 1")
    return target


def _dual_ascent(rows: Array, wanted: Array, slack: Array, most: Array, share: float) -> Array:
    """Maximise over u, |u| <= most, the dual of min |q - share|^2 / 2, |rows q - wanted| <= slack, q in the box."""
    step = 1.0 / float(np.linalg.norm(rows, 2)) ** 2
    u = ahead = np.zeros(len(rows))
    pace = 1.0
    for _ in range(_STEPS):
        q = np.clip(share - rows.T @ ahead, 0.0, 1.0)
        moved = ahead + step * (rows @ q - wanted)
        new = np.clip(np.sign(moved) * np.maximum(np.abs(moved) - step * slack, 0.0), -most, most)
        change = float(np.abs(new - u).max())
        if float((ahead - new) @ (new - u)) > 0.0:
            pace = 1.0  # the momentum points back: start it anew (O'Donoghue and Candes 2015)
        following = (1.0 + (1.0 + 4.0 * pace * pace) ** 0.5) / 2.0
        ahead = new + (pace - 1.0) / following * (new - u)
        u, pace = new, following
        if change < _TOLERANCE * step:
            break
    return np.clip(share - rows.T @ u, 0.0, 1.0)
