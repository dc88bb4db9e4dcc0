"""RECO: a query's vector is refined by what a memory of captioned pictures says beside its neighbours.

Iscen, Caron, Fathi and Schmid, "Retrieval-Enhanced Contrastive Vision-Text Models", ICLR 2024: search within one
modality, fuse across: a picture finds pictures and takes their texts, a text finds texts and takes their pictures. One
layer of attention decides how much of each; the encoder stays as it is.

    a = softmax([null, scale * cos(query, like) + (query Q) . (other K)])      over the k neighbours and a null place
    refined = unit(query + gain * sum a other + ((sum a other) V) O)

Shapes: n queries, k neighbours, d dimensions of the encoder, r of the projections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from foveate.errors import CallerError, ModelError
from foveate.retrievers.encoders.head import unit

__all__ = ["DIRECTIONS", "Direction", "Memory", "Refiner"]

Array = NDArray[np.float32]
Direction = Literal["image", "text"]
DIRECTIONS: tuple[Direction, ...] = ("image", "text")
"""Modality of the query."""
_NAMES = ("query", "key", "value", "out", "scale", "null", "gain")


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Pictures with their texts, row by row."""

    images: Array
    """(m, d) unit rows."""
    texts: Array
    """(m, d) unit rows."""

    def __post_init__(self) -> None:
        if self.images.ndim != 2 or self.images.shape != self.texts.shape:
            raise CallerError(f"a memory's pictures {self.images.shape} and texts {self.texts.shape} must be alike")

    def neighbours(self, rows: Array, direction: Direction, k: int) -> tuple[NDArray[np.intp], Array]:
        """(n, k) places of the nearest of the query's own modality, best first, ties by place, and their cosines.

        k is at most the memory's size.
        """
        like = self.images if direction == "image" else self.texts
        cosines = rows @ like.T  # (n, m)
        places = np.argsort(-cosines, axis=1, kind="stable")[:, : min(k, like.shape[0])]
        return places, np.take_along_axis(cosines, places, axis=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refiner:
    """The fusion layer of both directions."""

    tensors: Mapping[str, Array]
    """``image.query`` (d, r), ``.key`` (d, r), ``.value`` (d, r), ``.out`` (r, d), ``.scale``, ``.null``, ``.gain``
    (1), and the same with ``text.``."""
    fingerprint: str
    """Of the encoder whose vectors it was trained on."""
    k: int
    """Neighbours that are asked."""

    def refine(self, rows: Array, memory: Memory, direction: Direction) -> Array:
        """(n, d) unit queries -> (n, d) unit rows; an empty memory leaves them as they are.

        Raises:
            CallerError: vectors of another width than the layer's.
        """
        width = self.tensors[f"{direction}.query"].shape[0]
        if rows.ndim != 2 or rows.shape[1] != width or memory.images.shape[1] != width:
            raise CallerError(f"vectors {rows.shape} and a memory {memory.images.shape} do not fit width {width}")
        if not len(rows) or not len(memory.images):
            return rows
        places, cosines = memory.neighbours(rows, direction, self.k)
        others = (memory.texts if direction == "image" else memory.images)[places]  # (n, k, d)
        return self.fused(rows, others, cosines, direction)

    def fused(self, rows: Array, others: Array, cosines: Array, direction: Direction) -> Array:
        """(n, d) queries, (n, k, d) neighbours' other modality, (n, k) cosines -> (n, d) unit rows."""
        part = {name: self.tensors[f"{direction}.{name}"] for name in _NAMES}
        match = np.einsum("nr,nkr->nk", rows @ part["query"], others @ part["key"])
        logits = part["scale"] * cosines + match  # (n, k)
        logits = np.concatenate([np.full((len(rows), 1), part["null"][0], np.float32), logits], axis=1)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = (powers / powers.sum(axis=1, keepdims=True))[:, 1:]  # (n, k): the null place takes the rest
        said = np.einsum("nk,nkd->nd", shares, others)
        return unit(rows + part["gain"] * said + said @ part["value"] @ part["out"])

    def save(self, path: Path) -> None:
        """Write float16 safetensors."""
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in self.tensors.items()}
        save_file(stored, path, metadata={"fingerprint": self.fingerprint, "k": str(self.k)})

    @classmethod
    def load(cls, path: Path, fingerprint: str) -> "Refiner":
        """Read a layer for an encoder.

        Raises:
            ModelError: the file is missing, is no such layer, or belongs to another encoder.
        """
        try:
            with safe_open(path, framework="numpy") as opened:
                meta = opened.metadata() or {}
                tensors = {name: opened.get_tensor(name).astype(np.float32) for name in opened.keys()}
            missing = {f"{side}.{name}" for side in DIRECTIONS for name in _NAMES} - tensors.keys()
            if missing:
                raise ModelError(f"{path.name!r} is no refining layer: it lacks {sorted(missing)}")
            made_for, k = meta["fingerprint"], int(meta["k"])
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelError(f"{path.name!r} is no refining layer: {error}") from error
        if made_for != fingerprint:
            raise ModelError(f"{path.name!r} refines vectors of encoder {made_for!r}, not of {fingerprint!r}")
        return cls(tensors=tensors, fingerprint=made_for, k=k)
