"""Small trained parts of a reranker on disk: tensors and what they belong to, in one safetensors file."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, ExtraMissing, ModelError

__all__ = ["Head", "HeadReport"]

_SUFFIX = ".safetensors"
# Facts are short; a header that claims more is not one of ours.
_MAX_HEADER_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadReport:
    """How training went. nDCG at 10 is over the held-out questions."""

    questions: int
    held_out: int
    epochs: int
    """That the kept weights have seen."""
    loss: float
    """Held-out, of the kept weights, in nats."""
    ndcg_cosine: float
    """Of the encoder's own order."""
    ndcg_untrained: float
    """Before the first step."""
    ndcg: float
    """Of the kept weights."""

    def to_dict(self) -> dict[str, float | int | None]:
        """JSON form."""
        return {
            key: value if isinstance(value, int) else round(value, 6) if math.isfinite(value) else None
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Tensors, and what they fit."""

    kind: str
    """``compressed`` or ``multiview``."""
    tensors: Mapping[str, NDArray[np.float32]]
    encoder: str
    """Fingerprint of the encoder whose vectors it reads."""
    base: str
    """:func:`foveate.rerankers.lora.bases.base_digest` of the language model; empty where there is none."""
    settings: Mapping[str, int]
    """Sizes that the network is built from."""
    report: Mapping[str, Any]
    """:class:`HeadReport`."""

    def save(self, path: Path) -> None:
        """Write it; a file that stood there is replaced as a whole.

        Raises:
            CallerError: the name does not end in ``.safetensors``.
        """
        _check_name(path)
        try:
            from safetensors.numpy import save_file
        except ModuleNotFoundError as error:
            raise ExtraMissing("safetensors", "embedded") from error
        facts = {
            "kind": self.kind,
            "encoder": self.encoder,
            "base": self.base,
            "settings": dict(self.settings),
            "report": dict(self.report),
        }
        # One key: safetensors writes several in an order that changes from run to run.
        meta = {"foveate": json.dumps(facts, sort_keys=True)}
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        # safetensors writes the buffer as it lies: a transposed view would come back scrambled.
        save_file({name: np.ascontiguousarray(value) for name, value in self.tensors.items()}, draft, metadata=meta)
        draft.replace(path)

    @classmethod
    def load(cls, path: Path, *, kind: str, encoder: str, base: str = "") -> "Head":
        """Read a head and hold it against what it will be used with.

        Args:
            path: its file.
            kind: what it must be.
            encoder: fingerprint of the encoder at hand.
            base: digest of the language model at hand.

        Raises:
            CallerError: no such file, or another kind of file.
            ModelError: damaged, another kind of head, or trained with another encoder or language model.
        """
        _check_name(path)
        if not path.is_file():
            raise CallerError(f"no trained head at {str(path)!r}")
        head = cls._read(path)
        if head.kind != kind:
            raise ModelError(f"{str(path)!r} is a head of kind {head.kind!r}; needed is {kind!r}")
        if head.encoder != encoder:
            raise ModelError(
                f"{str(path)!r} was trained on vectors of the encoder {head.encoder!r} and cannot read those of "
                f"{encoder!r}; train it again with that one"
            )
        if head.base != base:
            raise ModelError(
                f"{str(path)!r} was trained for the base model {head.base[:12]!r} and does not fit {base[:12]!r}; "
                "use that model or train again"
            )
        return head

    @classmethod
    def _read(cls, path: Path) -> "Head":
        try:
            from safetensors import SafetensorError, safe_open
        except ModuleNotFoundError as error:
            raise ExtraMissing("safetensors", "embedded") from error
        _check_header(path)
        try:
            with safe_open(path, framework="numpy") as opened:
                meta = opened.metadata() or {}
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}
            facts = json.loads(meta["foveate"])
            head = cls(
                kind=facts["kind"],
                tensors=tensors,
                encoder=facts["encoder"],
                base=facts["base"],
                settings={name: int(value) for name, value in facts["settings"].items()},
                report=dict(facts["report"]),
            )
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"{str(path)!r} is no trained head: {type(error).__name__}: {error}") from error
        for name, value in tensors.items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise ModelError(f"{str(path)!r}: tensor {name!r} does not hold finite float32 numbers")
        return head


def _check_name(path: Path) -> None:
    if path.suffix != _SUFFIX:
        raise CallerError(f"a trained head is a {_SUFFIX!r} file, got {str(path)!r}")


def _check_header(path: Path) -> None:
    with path.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
    if not 2 <= length <= min(_MAX_HEADER_BYTES, path.stat().st_size - 8):
        raise ModelError(f"{str(path)!r} is no trained head: its header claims {length} bytes")
