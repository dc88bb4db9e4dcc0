"""The mini encoder: text and pictures in one space on a CPU, from two small public networks and a head."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate import models
from foveate.errors import CallerError, ExtraMissing
from foveate.ids import digest, file_digest
from foveate.retrievers.encoders.head import MiniHead
from foveate.retrievers.encoders.wording import Neighbours, wording

__all__ = ["HEAD", "MiniEncoder"]

HEAD = Path(__file__).with_name("weights") / "mini_head.safetensors"
"""The head that ships with foveate; its model card stands beside it."""

_VERSION = "mini-2"  # raise it when preprocessing, pooling or a block changes: vectors of two versions never mix


class MiniEncoder:
    """EfficientNet-Lite0 and all-MiniLM-L6-v2 behind the `Encoder` protocol, joined by `MiniHead`."""

    name = "mini"

    def __init__(self, folder: Path | None = None, head: Path = HEAD) -> None:
        """Load the networks and the head.

        Args:
            folder: where the networks are; the fetched model ``mini`` if None.
            head: the head's safetensors file.

        Raises:
            ModelMissing: if the model was never fetched.
            ExtraMissing: without torch, timm or transformers.
        """
        where = models.path("mini") if folder is None else folder
        try:
            from foveate.retrievers.encoders.backbones import EfficientNetLite0, MiniLM

            self._vision = EfficientNetLite0(where / "efficientnet_lite0.safetensors")
            self._language = MiniLM(where / "minilm")
        except ImportError as error:
            raise ExtraMissing(error.name or "torch", "embedded") from error
        self._head = MiniHead.load(head)
        self.dim: int = self._head.dim
        parts = (where / "efficientnet_lite0.safetensors", where / "minilm" / "model.safetensors", head)
        self.fingerprint: str = digest(_VERSION, *(file_digest(part) for part in parts))
        self._words: NDArray[np.float32] | None = None
        self._neighbours: Neighbours | None = None
        self.picture_mean: NDArray[np.float32] | None = self._head.tensors.get("picture_mean")

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n) texts -> (n, dim) unit float32 rows, in order; each cut at 256 tokens."""
        return self._head.text(self._language.encode(texts)) if texts else self._empty()

    def encode_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """(n) pictures of any mode -> (n, dim) unit float32 rows, in order; alpha lies on white."""
        return self.from_features(self.features(images)) if images else self._empty()

    def features(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """(n) pictures -> (n, 1280) pooled features, the one pass that all picture vectors come from."""
        return self._vision.features(images)

    def from_features(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1280) features -> (n, dim) unit rows."""
        return self._head.image(features, self._logits(features))

    def from_minilm(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 384) rows of `encode_minilm` -> (n, dim) unit rows."""
        return self._head.text(vectors)

    def conse(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1280) features -> (n, 384): ConSE alone, the baseline; compare with `encode_minilm` of texts."""
        return self._head.conse(self._logits(features))

    def encode_minilm(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n) texts -> (n, 384) vectors of all-MiniLM-L6-v2 alone."""
        return self._language.encode(texts)

    def encode_tokens(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """(n) texts -> n arrays (tokens, 384): MiniLM's token vectors, for :mod:`foveate.retrievers.late`."""
        return self._language.tokens(texts)

    def tag_images(self, images: Sequence[Image.Image], k: int = 5) -> list[list[tuple[str, float]]]:
        """Up to ``k`` vocabulary words a picture with probabilities, best first; none if nothing is likely.

        Raises:
            CallerError: if ``k`` is below 1.
        """
        if k < 1:
            raise CallerError(f"k is {k!r}; it must be at least 1")
        if self._words is None:
            self._words = self._head.text(self._head.word_rows())
        return self._head.tags(self.encode_images(images), self._words, k)

    def describe_images(self, images: Sequence[Image.Image]) -> list[str]:
        """One line of words a picture: classes, what it is like, colours. For models that cannot see."""
        if not images:
            return []
        if self._neighbours is None:
            self._neighbours = Neighbours.load()
        features = self.features(images)
        return wording(self.class_shares(features), self.class_names, self._neighbours.alike(features), images)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The 1,000 ImageNet classes."""
        return self._head.words[:1000]

    def class_shares(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1280) features -> (n, 1000) probabilities of ImageNet's classes."""
        logits = self._logits(features)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def _logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = features @ self._vision.classifier.T + self._vision.bias
        return logits

    def _empty(self) -> NDArray[np.float32]:
        return np.zeros((0, self.dim), np.float32)
