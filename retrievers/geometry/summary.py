"""How alike the items of a collection are, for ``foveate info``."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from foveate.errors import CallerError
from foveate.memory.store import Store
from foveate.retrievers.geometry.conformity import Conformity

__all__ = ["conformity_facts"]

_NAMES = {"image": "picture_conformity", "text": "text_conformity"}
_BATCH = 1024


def conformity_facts(store: Store, *, least: int = 5, most: int = 50_000) -> dict[str, Any]:
    """Mean and spread of conformity by modality, and the items that conform least.

    Args:
        store: of the collection.
        least: how many items to name.
        most: points that are looked at; ids are hashes, so the first ones are a random sample.

    Returns:
        ``picture_conformity`` and ``text_conformity``, each with ``mean`` and ``spread`` (standard deviation), where
        there are vectors of that kind; ``least_conforming`` with ``path``, ``kind`` and ``conformity``, one row a file.
    """
    facts: dict[str, Any] = {}
    odd: dict[str, tuple[float, str]] = {}
    for name, label in _NAMES.items():
        try:
            fitted = Conformity.fit(rows for _, rows in _batches(store, name, most))
        except CallerError:
            continue  # no vectors of that kind, or none with a direction
        found: list[float] = []
        for paths, rows in _batches(store, name, most):
            scores = fitted.conformity(rows)
            found += [float(score) for score in scores if not np.isnan(score)]
            for path, score in zip(paths, scores.tolist(), strict=True):
                if score < odd.get(path, (np.inf, ""))[0]:
                    odd[path] = (score, name)
        facts[label] = {"mean": round(float(np.mean(found)), 4), "spread": round(float(np.std(found)), 4)}
    rows_told = sorted(((score, path, name) for path, (score, name) in odd.items()))[:least]
    facts["least_conforming"] = [
        {"path": path, "kind": name, "conformity": round(score, 4)} for score, path, name in rows_told
    ]
    return facts


def _batches(store: Store, name: str, most: int) -> Iterator[tuple[list[str], np.ndarray[Any, Any]]]:
    """Paths and vectors, so many at once: a large collection's vectors do not fit into memory."""
    points = islice(store.scroll(vectors=True), most)
    while part := list(islice(points, _BATCH)):
        held = [point for point in part if name in point.dense]
        if held:
            paths = [str((point.payload.get("paths") or [point.id])[0]) for point in held]
            yield paths, np.stack([point.dense[name] for point in held])
