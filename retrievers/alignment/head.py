"""The trained head: from an alignment to whether its question can be answered, in NumPy.

Options form a set (Zaheer et al., "Deep Sets", NeurIPS 2017): each goes through the same small layer, and only the
maximum and the mean over options go on, so that their order cannot matter.

    | tensor             | shape         | what                                                          |
    | project            | (d, k)        | of correlation vectors: product of picture and text           |
    | option_mean, _sd   | (S)           | of the options' scalars, in training                          |
    | seen_mean, _sd     | (G)           | of the question's scalars, in training                        |
    | layer, layer_bias  | (S + k, h)    | of each option                                                |
    | out, out_bias      | (2(h+S)+G+k, 3) | of the maxima, the means, the question's scalars and vector |
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from foveate.errors import CallerError, ModelError
from foveate.memory.durable import write_durably
from foveate.retrievers.alignment.features import OPTION, SEEN, Alignment

__all__ = ["OUTCOMES", "WEIGHTS", "AlignmentHead", "standard"]

Array = NDArray[np.float32]
WEIGHTS = Path(__file__).with_name("weights")
"""Heads that ship with foveate, one an encoder; their card stands beside them."""
OUTCOMES = ("answerable", "absent", "incompatible")
_FORM = "alignment-1"
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentHead:
    """Made for one encoder."""

    tensors: Mapping[str, Array]
    """float32 by the names in the table above."""
    encoder: str
    """Fingerprint of the encoder that it was trained with."""
    encoder_name: str
    """What people call that encoder."""

    @classmethod
    def load(cls, path: Path) -> "AlignmentHead":
        """Read a head.

        Raises:
            CallerError: no such file.
            ModelError: too large, damaged, or no head.
        """
        if not path.is_file():
            raise CallerError(f"no alignment head at {str(path)!r}; train one with: foveate train answerability")
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise ValueError(f"larger than {_MAX_BYTES} bytes")
            with safe_open(path, framework="numpy") as opened:
                meta = json.loads((opened.metadata() or {})["head"])
                tensors = {name: opened.get_tensor(name).astype(np.float32) for name in opened.keys()}
            _check(tensors, meta)
            return cls(tensors=tensors, encoder=meta["encoder"], encoder_name=meta["encoder_name"])
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise ModelError(f"{str(path)!r} is no alignment head: {error}") from error

    @classmethod
    def shipped(cls, encoder: str) -> "AlignmentHead | None":
        """The head that ships for an encoder's fingerprint; None where there is none."""
        for path in sorted(WEIGHTS.glob("*.safetensors")):
            head = cls.load(path)
            if head.encoder == encoder:
                return head
        return None

    def save(self, path: Path) -> None:
        """Write as safetensors; a crash leaves the old or the new file whole.

        Raises:
            ServiceError: it cannot be written.
        """
        about = {
            "form": _FORM,
            "encoder": self.encoder,
            "encoder_name": self.encoder_name,
            "columns": [*OPTION, *SEEN],
        }
        # One entry: safetensors writes several in an order of its own, so that bytes would differ from run to run.
        meta = {"head": json.dumps(about, sort_keys=True)}
        stored = {name: np.ascontiguousarray(value, np.float32) for name, value in self.tensors.items()}
        raw = save(stored, metadata=meta)
        write_durably(path, lambda stream: stream.write(raw))

    def __call__(self, alignment: Alignment) -> dict[str, float]:
        """Probabilities of :data:`OUTCOMES`; NaN without a picture or without an option that a picture could show.

        Raises:
            CallerError: the alignment was made with another encoder.
        """
        if alignment.encoder != self.encoder:
            raise CallerError(
                f"this alignment head was trained for encoder {self.encoder_name!r} ({self.encoder[:12]!r}); "
                f"the one in use is {alignment.encoder[:12]!r}: train one with: foveate train answerability"
            )
        if alignment.picture is None or not alignment.options:
            return dict.fromkeys(OUTCOMES, float("nan"))
        logits = self._logits(alignment)
        powers = np.exp(logits - logits.max())
        return dict(zip(OUTCOMES, (powers / powers.sum()).tolist(), strict=True))

    def _logits(self, alignment: Alignment) -> NDArray[np.float64]:
        at = {name: tensor.astype(np.float64) for name, tensor in self.tensors.items()}
        vectors = alignment.products() @ at["project"]  # (1 + n, k)
        scalars = standard(alignment.scalars, at["option_mean"], at["option_sd"])  # (n, S)
        seen = standard(alignment.seen, at["seen_mean"], at["seen_sd"])  # (G)
        hidden = np.tanh(np.concatenate([scalars, vectors[1:]], 1) @ at["layer"] + at["layer_bias"])  # (n, h)
        each = np.concatenate([hidden, scalars], 1)
        # Sorted before the mean: floating-point sums depend on the order of their terms.
        pooled = np.concatenate([each.max(axis=0), np.sort(each, axis=0).mean(axis=0), seen, vectors[0]])
        found: NDArray[np.float64] = pooled @ at["out"] + at["out_bias"]
        return found


def standard(values: NDArray[np.floating], mean: NDArray[np.floating], sd: NDArray[np.floating]) -> NDArray[np.float64]:
    """Deviations from the mean, at most 5; what is unknown becomes 0, the mean."""
    found: NDArray[np.float64] = np.nan_to_num(np.clip((values - mean) / sd, -5.0, 5.0), nan=0.0)
    return found


def _check(tensors: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
    if meta["form"] != _FORM or meta["columns"] != [*OPTION, *SEEN]:
        raise ValueError(f"not of form {_FORM!r} with the columns of this version")
    (_, k), (_, h), s, g = tensors["project"].shape, tensors["layer"].shape, len(OPTION), len(SEEN)
    shapes = {
        "option_mean": (s,), "option_sd": (s,), "seen_mean": (g,), "seen_sd": (g,), "layer": (s + k, h),
        "layer_bias": (h,), "out": (2 * (h + s) + g + k, len(OUTCOMES)), "out_bias": (len(OUTCOMES),),
    }  # fmt: skip
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name} has shape {tensors[name].shape}, not {shape}")
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ValueError(f"{name} holds a number that is not finite")
