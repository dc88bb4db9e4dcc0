"""Boosted trees as plain arrays: the same numbers as scikit-learn's, without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.rerankers.fitted import number

__all__ = ["Trees", "read_trees"]

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_MOST_TREES = 2_000
_MOST_NODES = 64_000
_DEEPEST = 16
_ROWS = 512
"""Rows at a time: 2,000 trees then take some 8 MB an array."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trees:
    """Trees, their nodes one after the other, each before its children and its left child right behind it.

    T trees, N nodes, K outcomes. Scores are log-probabilities up to a constant (Friedman, Annals of Statistics 2001).
    """

    baseline: Array
    """(K) score before any tree."""
    outcome: Places
    """(T) outcome whose score a tree adds to."""
    start: Places
    """(T) first node of a tree."""
    feature: Places
    """(N) column that a node looks at; -1 at a leaf."""
    threshold: Array
    """(N) up to it a value goes left."""
    right: Places
    """(N) where larger ones go; 0 at a leaf."""
    missing_left: Places
    """(N) 1 where unknown values go left."""
    value: Array
    """(N) what a leaf adds; of other nodes the mean of their leaves, by how often each was met in fitting."""

    def scores(self, x: Array) -> Array:
        """(n, F) signals, NaN unknown, to (n, K) scores."""
        if not len(self.start):
            return np.tile(self.baseline, (len(x), 1))
        share = np.zeros((len(self.start), len(self.baseline)))
        share[np.arange(len(self.start)), self.outcome] = 1.0
        parts = [self.value[self._leaves(x[at : at + _ROWS])] @ share for at in range(0, len(x), _ROWS)]
        return self.baseline + np.concatenate(parts) if parts else np.empty((0, len(self.baseline)))

    def contributions(self, x: Array) -> Array:
        """(F) signals of one question to (F, K): what each added to each score, with ``bias`` the whole of it.

        A split's share is the change of the mean value on the path (Saabas, 2014).
        """
        found = np.zeros((len(x), len(self.baseline)))
        at, still = self.start.copy(), np.arange(len(self.start))
        while len(still := still[self.feature[at[still]] >= 0]):
            here = at[still]
            there = self._step(x[None, :], here[None, :])[0]
            np.add.at(found, (self.feature[here], self.outcome[still]), self.value[there] - self.value[here])
            at[still] = there
        return found

    @property
    def bias(self) -> Array:
        """(K) scores before anything is known."""
        return self.baseline + np.bincount(self.outcome, self.value[self.start], len(self.baseline))

    def to_dict(self) -> dict[str, Any]:
        """As a file holds it."""
        return {"kind": "trees"} | {name: getattr(self, name).tolist() for name in _FIELDS}

    def _leaves(self, x: Array) -> Places:
        """(n, F) to (n, T) the leaf that each question comes to in each tree."""
        at = np.tile(self.start, (len(x), 1))
        while (inner := self.feature[at] >= 0).any():
            at = np.where(inner, self._step(x, at), at)
        return at

    def _step(self, x: Array, at: Places) -> Places:
        values = np.take_along_axis(x, np.maximum(self.feature[at], 0), axis=1)
        left = np.where(np.isnan(values), self.missing_left[at] == 1, values <= self.threshold[at])
        return np.where(left, at + 1, self.right[at])


_FIELDS = ("baseline", "outcome", "start", "feature", "threshold", "right", "missing_left", "value")


def read_trees(body: Mapping[str, Any], *, features: int, outcomes: int) -> Trees:
    """Trees of a file.

    Args:
        body: what ``to_dict`` gave.
        features: columns there are.
        outcomes: K.

    Raises:
        ValueError: names the field; also where nodes do not make up trees.
    """
    if set(body) != {"kind", *_FIELDS}:
        raise ValueError(f"the fields of trees must be kind, {', '.join(_FIELDS)}")
    size = {"baseline": outcomes, "outcome": (trees := _length(body, "outcome", _MOST_TREES)), "start": trees}
    nodes = _length(body, "feature", _MOST_NODES)
    below = {"outcome": outcomes, "start": nodes, "feature": features, "right": nodes, "missing_left": 2}
    read: dict[str, Any] = {}
    for name in _FIELDS:
        values = np.array([number(one, name) for one in _list(body, name, size.get(name, nodes))], float)
        if name in below:
            least = -1 if name == "feature" else 0
            if (values != np.floor(values)).any() or (values < least).any() or (values >= below[name]).any():
                raise ValueError(f"{name} must hold whole numbers from {least} to {below[name] - 1}")
            read[name] = values.astype(np.int64)
        else:
            read[name] = values
    made = Trees(**read)
    _check_shape(made)
    return made


def _length(body: Mapping[str, Any], name: str, most: int) -> int:
    value = body[name]
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{name} must be a list of at most {most}")
    return len(value)


def _list(body: Mapping[str, Any], name: str, length: int) -> list[Any]:
    value = body[name]
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"{name} must be a list of {length}")
    return value


def _check_shape(trees: Trees) -> None:
    """Each tree fills its stretch of nodes, each node having one parent and children further on."""
    ends = [*trees.start[1:].tolist(), len(trees.feature)]
    first = int(trees.start[0]) if len(trees.start) else len(trees.feature)
    if first != 0:
        raise ValueError("start leaves nodes out")
    stretches = [(start, end, 0) for start, end in zip(trees.start.tolist(), ends, strict=True)]
    while stretches:
        node, end, depth = stretches.pop()
        if depth > _DEEPEST:
            raise ValueError(f"a tree is deeper than {_DEEPEST}")
        leaf, right = trees.feature[node] < 0, int(trees.right[node])
        if not (end == node + 1 if leaf else node + 1 < right < end):
            raise ValueError(f"node {node} is no part of a tree")
        if not leaf:
            stretches += [(node + 1, right, depth + 1), (right, end, depth + 1)]
