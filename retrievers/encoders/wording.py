"""Pictures told in words to models that cannot see.

Three things are said: the ImageNet classes the picture network sees, words of the captioned public pictures that look
most alike (a nearest-neighbour vote, as in Makadia et al., "A New Baseline for Image Annotation", ECCV 2008), colours.
Each comes from another side than the search's own vectors, so that a reranker learns something that search does not.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from foveate.errors import ModelError
from foveate.retrievers.encoders.colours import colour_names

__all__ = ["WORDS", "Neighbours", "wording"]

Array = NDArray[np.float32]
WORDS = Path(__file__).with_name("weights") / "mini_words.safetensors"
"""The neighbours that ship with foveate; their card stands beside the head's."""
_NEAREST, _SPREAD = 12, 0.07
_LATER = 0.6
"""Weight of a keyword beside a title."""
_SAID = 4
_LEAST = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Captioned pictures by their features, without the pictures."""

    tensors: Mapping[str, Array]
    """``mean`` (F), ``projection`` (F, D), ``rows`` (n, D) unit, ``levels`` (2): similarities above which a picture is
    like, or very like, its nearest."""
    words: tuple[tuple[str, ...], ...]
    """Title and keywords of each row."""

    @classmethod
    def load(cls, path: Path = WORDS) -> "Neighbours":
        """Read a file.

        Raises:
            ModelError: missing, or no such file.
        """
        try:
            with safe_open(path, framework="numpy") as opened:
                meta = opened.metadata() or {}
                tensors = {name: opened.get_tensor(name).astype(np.float32) for name in opened.keys()}
            vocabulary = json.loads(meta["vocabulary"])
            words = tuple(tuple(vocabulary[int(i)] for i in row if i >= 0) for row in tensors.pop("words"))
        except (OSError, KeyError, IndexError, ValueError, SafetensorError) as error:
            raise ModelError(f"{path.name!r} holds no neighbours: {error}") from error
        tensors["rows"] = _unit(tensors["rows"])
        return cls(tensors=tensors, words=words)

    def save(self, path: Path) -> None:
        """Write as safetensors: rows in 8 bits, the projection in 16."""
        vocabulary = sorted({word for row in self.words for word in row})
        at = {word: i for i, word in enumerate(vocabulary)}
        codes = np.full((len(self.words), max(map(len, self.words))), -1, np.int16)
        for row, said in zip(codes, self.words, strict=True):
            row[: len(said)] = [at[word] for word in said]
        rows = self.tensors["rows"]
        stored = {
            "mean": self.tensors["mean"].astype(np.float16),
            "projection": np.ascontiguousarray(self.tensors["projection"], dtype=np.float16),
            "rows": np.rint(127 * rows / np.abs(rows).max(axis=1, keepdims=True)).astype(np.int8),
            "levels": self.tensors["levels"].astype(np.float16),
            "words": codes,
        }
        save_file(stored, path, metadata={"vocabulary": json.dumps(vocabulary)})

    def alike(self, features: Array, left_out: NDArray[np.bool_] | None = None) -> list[str]:
        """(n, F) features -> "like bird, animal" and so on, with how much alike.

        Args:
            features: of pictures.
            left_out: (n, rows) neighbours that must not count; training leaves out pictures of the same concept.
        """
        scores = self.embedded(features) @ self.tensors["rows"].T
        if left_out is not None:
            scores = np.where(left_out, -1.0, scores)
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :_NEAREST]
        return [self._vote(row, row_scores[row]) for row, row_scores in zip(nearest, scores, strict=True)]

    def embedded(self, features: Array) -> Array:
        """(n, F) -> (n, D) unit rows."""
        return _unit((features - self.tensors["mean"]) @ self.tensors["projection"])

    def _vote(self, rows: NDArray[np.intp], scores: Array) -> str:
        weights = np.exp((scores - scores[0]) / _SPREAD)
        votes: dict[str, float] = defaultdict(float)
        for row, weight in zip(rows, weights / weights.sum(), strict=True):
            for place, word in enumerate(dict.fromkeys(self.words[row])):
                votes[word] += float(weight) * (_LATER if place else 1.0)
        said = sorted(votes.items(), key=lambda item: (-item[1], item[0]))[:_SAID]
        how = ("a bit like", "like", "very like")[int((self.tensors["levels"] < scores[0]).sum())]
        return f"{how} {', '.join(word for word, _ in said)}" if said else ""


def wording(shares: Array, classes: Sequence[str], alike: Sequence[str], images: Sequence[Image.Image]) -> list[str]:
    """One line a picture.

    Args:
        shares: (n, K) probabilities of the classes.
        classes: K names.
        alike: (n) of :meth:`Neighbours.alike`.
        images: (n) for their colours.
    """
    colours = colour_names(images)
    return [
        "; ".join(part for part in (_seen(row, classes), like, ", ".join(names)) if part)
        for row, like, names in zip(shares, alike, colours, strict=True)
    ]


def _seen(shares: Array, classes: Sequence[str]) -> str:
    best = np.argsort(-shares, kind="stable")[:3]
    sure = float(shares[best[0]])
    if sure >= 0.6:
        best = best[shares[best] >= 0.1]
    names = ", ".join(classes[i] for i in best if shares[i] >= _LEAST)
    how = "surely" if sure >= 0.6 else "perhaps" if sure >= 0.2 else "unclear,"
    return f"{how} {names}" if names else ""


def _unit(rows: NDArray[np.floating[Any]]) -> Array:
    scaled: Array = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return scaled
