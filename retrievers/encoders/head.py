"""The mini encoder's head: from MiniLM vectors and EfficientNet features to one space.

A vector is three weighted unit blocks side by side, so that a cosine is a weighted sum of three cosines:

    | block     | of a text t (T)                   | of a picture with logits l (K), features f (F)      |
    | conse     | t                                 | class texts weighted by softmax(l / conse_t)        |
    | posterior | sqrt softmax(t . classes / text_t) | sqrt softmax(l / image_t - prior)                   |
    | aligned   | linear map of t                   | network over f, trained with a contrastive loss     |

conse: Norouzi et al. 2014. posterior: Bhattacharyya coefficient of the two class distributions, all 1,000
dimensions (validation R@1 0.241; 0.215 projected to 448, 0.181 with like classes summed); ``prior`` is a
fifth of the log share that each class has in training pictures.
The weights differ between the two sides: only their product counts between text and picture, so the text
side can stay nearly all MiniLM and text-to-text cosines with it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from foveate.errors import ModelError

__all__ = ["MiniHead", "unit"]

Array = NDArray[np.float32]


def unit(rows: Array) -> Array:
    """(n, d) rows -> rows of length 1; a zero row stays zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Array = (rows / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled


def _softmax(scores: Array, temperature: float) -> Array:
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Array = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _gelu(values: NDArray[np.floating]) -> Array:
    # The tanh form (Hendrycks & Gimpel 2016), also used in training: NumPy has no erf.
    # Products, not a power: values**3 took 0.1 ms a picture, two thirds of the head.
    inner = 0.7978845608 * (values + 0.044715 * values * values * values)
    curved: Array = (0.5 * values * (1.0 + np.tanh(inner))).astype(np.float32)
    return curved


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniHead:
    """Tensors and constants of the head; read from one safetensors file."""

    tensors: Mapping[str, Array]
    """float32 arrays by name; their shapes follow from the table above."""
    settings: Mapping[str, float]
    """``conse_t``, ``image_t``, ``text_t``, ``tag_t`` temperatures; ``text_*`` and ``image_*`` block weights;
    ``tag_min`` least probability of a tag."""
    words: tuple[str, ...]
    """Vocabulary for tags: the 1,000 class names, then one word a row of ``word_vectors``."""
    version: str
    """Name of the recipe that made it."""

    @classmethod
    def load(cls, path: Path) -> "MiniHead":
        """Read a head.

        Raises:
            ModelError: if the file is missing or is no head.
        """
        try:
            with safe_open(path, framework="numpy") as opened:
                meta = opened.metadata() or {}
                tensors = {name: opened.get_tensor(name).astype(np.float32) for name in opened.keys()}
            if "hidden_scale" in tensors:
                tensors["hidden"] = tensors["hidden"] * tensors.pop("hidden_scale")
            return cls(
                tensors=tensors,
                settings=json.loads(meta["settings"]),
                words=tuple(json.loads(meta["words"])),
                version=meta["version"],
            )
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelError(f"{path.name!r} is no head of the mini encoder: {error}") from error

    def save(self, path: Path) -> None:
        """Write the head as float16 safetensors, its largest matrix in 8 bits with a scale a column."""
        path.parent.mkdir(parents=True, exist_ok=True)
        meta = {
            "settings": json.dumps(dict(self.settings), sort_keys=True),
            "words": json.dumps(list(self.words)),
            "version": self.version,
        }
        # safetensors writes the buffer as it lies: a transposed view would come back scrambled.
        stored = {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in self.tensors.items()}
        if "hidden" in self.tensors:
            hidden = self.tensors["hidden"]
            scale = (np.abs(hidden).max(axis=0) / 127).astype(np.float16)
            steps = np.rint(hidden / np.maximum(scale.astype(np.float32), 1e-12)).clip(-127, 127)
            stored |= {"hidden": np.ascontiguousarray(steps, dtype=np.int8), "hidden_scale": scale}
        save_file(stored, path, metadata=meta)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return (
            int(self.tensors["classes"].shape[1])
            + int(self.tensors["classes"].shape[0])
            + int(self.tensors["text"].shape[1])
        )

    def word_rows(self) -> Array:
        """(words, T) text vectors of the vocabulary."""
        return np.concatenate([self.tensors["classes"], self.tensors["word_vectors"]])

    def text(self, vectors: Array) -> Array:
        """(n, T) MiniLM unit rows -> (n, dim) unit rows."""
        return self._join("text", [vectors, self._text_posterior(vectors), self._text_aligned(vectors)])

    def image(self, features: Array, logits: Array) -> Array:
        """(n, F) features and (n, K) logits -> (n, dim) unit rows."""
        blocks = [self.conse(logits), self._image_posterior(logits), self._image_aligned(features)]
        return self._join("image", blocks)

    def conse(self, logits: Array) -> Array:
        """(n, K) logits -> (n, T): class texts weighted by the class probabilities."""
        return unit(_softmax(logits, self.settings["conse_t"]) @ self.tensors["classes"])

    def posteriors(self, vectors: Array, logits: Array) -> tuple[Array, Array]:
        """Posterior block of (n, T) texts and of pictures with (m, K) logits."""
        return self._text_posterior(vectors), self._image_posterior(logits)

    def aligned(self, vectors: Array, features: Array) -> tuple[Array, Array]:
        """Aligned block of (n, T) texts and of pictures with (m, F) features."""
        return self._text_aligned(vectors), self._image_aligned(features)

    def tags(self, rows: Array, words: Array, k: int) -> list[list[tuple[str, float]]]:
        """Up to ``k`` words of each picture vector with probabilities, best first; unlikely ones are left out.

        A word's cosine is taken against its mean and deviation over training pictures: cosines as they are
        favour the same few words everywhere (validation: a right first word for 1 picture in 90 instead of
        1 in 5).

        Args:
            rows: (n, dim) pictures.
            words: (words, dim) vectors of `words`, by `text` of `word_rows`.
            k: most words a picture.
        """
        standard = (rows @ words.T - self.tensors["word_mean"]) / self.tensors["word_std"]  # (n, words)
        shares = _softmax(standard, self.settings["tag_t"]) if len(rows) else standard
        best = np.argsort(-shares, axis=1, kind="stable")[:, :k]
        least = self.settings["tag_min"]
        return [
            [(self.words[i], float(row[i])) for i in order if row[i] >= least]
            for row, order in zip(shares, best, strict=True)
        ]

    def _text_posterior(self, vectors: Array) -> Array:
        return np.sqrt(_softmax(vectors @ self.tensors["classes"].T, self.settings["text_t"]))

    def _image_posterior(self, logits: Array) -> Array:
        shifted = logits - self.settings["image_t"] * self.tensors["prior"]
        return np.sqrt(_softmax(shifted, self.settings["image_t"]))

    def _text_aligned(self, vectors: Array) -> Array:
        return unit(vectors @ self.tensors["text"] + self.tensors["text_bias"])

    def _image_aligned(self, features: Array) -> Array:
        scaled = (features - self.tensors["feature_mean"]) / self.tensors["feature_std"]
        hidden = _gelu(scaled @ self.tensors["hidden"] + self.tensors["hidden_bias"])
        return unit(hidden @ self.tensors["image"] + self.tensors["image_bias"])

    def _join(self, side: str, blocks: list[Array]) -> Array:
        weights = [self.settings[f"{side}_{name}"] for name in ("conse", "posterior", "aligned")]
        return unit(np.concatenate([w * block for w, block in zip(weights, blocks, strict=True)], axis=1))
