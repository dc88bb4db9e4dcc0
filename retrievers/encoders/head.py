"""The mini encoder's head: from MiniLM vectors and EfficientNet features to one space.

A vector is three weighted unit blocks side by side, so that a cosine is a weighted sum of three cosines:

    | block     | of a text t (T)                   | of a picture with logits l (K), features f (F)      |
    | conse     | t                                 | class texts weighted by softmax(l / conse_t)        |
    | posterior | sqrt softmax(t . classes / text_t) | sqrt softmax(l / image_t), one projection for both |
    | aligned   | linear map of t                   | network over f, trained with a contrastive loss     |

conse: Norouzi et al. 2014. posterior: Bhattacharyya coefficient of the two class distributions; projected
to 448 of 1,000 dimensions (validation R@1 0.215 for 0.241 unprojected; summing like classes gave 0.181).
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
    inner = 0.7978845608 * (values + 0.044715 * values**3)
    curved: Array = (0.5 * values * (1.0 + np.tanh(inner))).astype(np.float32)
    return curved


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniHead:
    """Tensors and constants of the head; read from one safetensors file."""

    tensors: Mapping[str, Array]
    """float32 arrays by name; shapes in `SHAPES` of the model card."""
    settings: Mapping[str, float]
    """``conse_t``, ``image_t``, ``text_t`` temperatures; ``text_*`` and ``image_*`` block weights."""
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
            return cls(
                tensors=tensors,
                settings=json.loads(meta["settings"]),
                words=tuple(json.loads(meta["words"])),
                version=meta["version"],
            )
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelError(f"{path.name!r} is no head of the mini encoder: {error}") from error

    def save(self, path: Path) -> None:
        """Write the head as float16 safetensors."""
        path.parent.mkdir(parents=True, exist_ok=True)
        meta = {
            "settings": json.dumps(dict(self.settings), sort_keys=True),
            "words": json.dumps(list(self.words)),
            "version": self.version,
        }
        # safetensors writes the buffer as it lies: a transposed view would come back scrambled.
        stored = {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in self.tensors.items()}
        save_file(stored, path, metadata=meta)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return (
            int(self.tensors["classes"].shape[1])
            + int(self.tensors["project"].shape[1])
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

    def _projected(self, shares: Array) -> Array:
        return unit(np.sqrt(shares) @ self.tensors["project"])

    def _text_posterior(self, vectors: Array) -> Array:
        return self._projected(_softmax(vectors @ self.tensors["classes"].T, self.settings["text_t"]))

    def _image_posterior(self, logits: Array) -> Array:
        return self._projected(_softmax(logits, self.settings["image_t"]))

    def _text_aligned(self, vectors: Array) -> Array:
        return unit(vectors @ self.tensors["text"] + self.tensors["text_bias"])

    def _image_aligned(self, features: Array) -> Array:
        scaled = (features - self.tensors["feature_mean"]) / self.tensors["feature_std"]
        hidden = _gelu(scaled @ self.tensors["hidden"] + self.tensors["hidden_bias"])
        return unit(hidden @ self.tensors["image"] + self.tensors["image_bias"])

    def _join(self, side: str, blocks: list[Array]) -> Array:
        weights = [self.settings[f"{side}_{name}"] for name in ("conse", "posterior", "aligned")]
        return unit(np.concatenate([w * block for w, block in zip(weights, blocks, strict=True)], axis=1))
