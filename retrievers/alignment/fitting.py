"""Fits a head to alignments with torch: all rows at a time, ended early by groups it does not learn from."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ExtraMissing
from foveate.retrievers.alignment.features import OPTION, SEEN, Alignment
from foveate.retrievers.alignment.head import OUTCOMES, standard

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Batch", "Fit", "batch", "fit", "logits"]

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """How a head is fitted."""

    projected: int = 4
    """Numbers that each correlation vector becomes (k)."""
    hidden: int = 12
    """Width of the layer of each option (h)."""
    epochs: int = 400
    learning_rate: float = 5e-3
    weight_decay: float = 1.0
    dropped: float = 0.3
    """Chance that an option that is not right is left out in an epoch, so that their number tells nothing."""
    patience: int = 60
    """Epochs without a better loss of the groups left out."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Alignments side by side, their options padded to the longest."""

    scalars: Array
    """(b, n, S), NaN where unknown."""
    seen: Array
    """(b, G)"""
    products: Array
    """(b, 1 + n, d) correlation vectors: question first."""
    there: NDArray[np.bool_]
    """(b, n) whether there is such an option."""
    right: NDArray[np.bool_]
    """(b, n) whether it is the right one, which is never left out."""
    outcome: NDArray[np.int64]
    """(b) index in OUTCOMES."""

    def rows(self, chosen: NDArray[np.intp]) -> "Batch":
        """Some of them."""
        names = ("scalars", "seen", "products", "there", "right", "outcome")
        return Batch(**{name: getattr(self, name)[chosen] for name in names})


def batch(alignments: Sequence[Alignment], right: Sequence[str | None], outcome: Sequence[int]) -> Batch:
    """Pad and stack.

    Args:
        alignments: with a picture and an option or more each.
        right: the right option of each, None where none is.
        outcome: index in OUTCOMES of each.
    """
    count, most = len(alignments), max(len(one.options) for one in alignments)
    dim = alignments[0].question.shape[0]
    scalars = np.full((count, most, len(OPTION)), np.nan, np.float32)
    products = np.zeros((count, 1 + most, dim), np.float32)
    there, is_right = np.zeros((count, most), bool), np.zeros((count, most), bool)
    for at, (one, true) in enumerate(zip(alignments, right, strict=True)):
        n = len(one.options)
        scalars[at, :n], products[at, : 1 + n], there[at, :n] = one.scalars, one.products(), True
        is_right[at, :n] = [option == true for option in one.options]
    seen = np.stack([one.seen for one in alignments])
    return Batch(
        scalars=scalars,
        seen=seen,
        products=products,
        there=there,
        right=is_right,
        outcome=np.asarray(outcome, np.int64),
    )


def fit(
    train: Batch, held: Batch | None, how: Fit, *, epochs: int | None = None, seconds: float | None = None
) -> tuple[dict[str, Array], int]:
    """Tensors of :class:`AlignmentHead`, and the epoch that they are of.

    Args:
        train: to learn from.
        held: groups left out, whose loss decides the epoch; None takes the last one.
        how: settings.
        epochs: instead of those of ``how``.
        seconds: end after so many.

    Raises:
        ExtraMissing: without torch.
    """
    try:
        import torch
    except ImportError as error:
        raise ExtraMissing("torch", "embedded") from error
    draw = np.random.default_rng(how.seed)
    fixed = _statistics(train)
    learned = _start(train, how, draw)
    given, asked_of = _inputs(train, fixed), None if held is None else _inputs(held, fixed)
    steps = torch.optim.AdamW(learned.values(), lr=how.learning_rate, weight_decay=how.weight_decay)
    best, kept, at, began = float("inf"), copy.deepcopy(learned), 0, time.monotonic()
    for epoch in range(1, (epochs or how.epochs) + 1):
        there = train.there & (train.right | (draw.random(train.there.shape) >= how.dropped))
        there[~there.any(axis=1)] = train.there[~there.any(axis=1)]
        steps.zero_grad()
        loss = _loss(learned, given, torch.from_numpy(there))
        loss.backward()  # type: ignore[no-untyped-call]
        steps.step()
        late = seconds is not None and time.monotonic() - began > seconds
        if asked_of is None or held is None:
            kept, at = learned, epoch
        else:
            with torch.no_grad():
                now = float(_loss(learned, asked_of, torch.from_numpy(held.there)))
            if now < best - 1e-5:
                best, kept, at = now, copy.deepcopy(learned), epoch
        if late or epoch - at >= how.patience:
            break
    return {**fixed, **{name: value.detach().numpy().copy() for name, value in kept.items()}}, max(at, 1)


def logits(tensors: dict[str, Array], rows: Batch) -> Array:
    """(b, 3), by torch; :class:`AlignmentHead` computes the same in NumPy."""
    import torch

    learned = {name: torch.from_numpy(value) for name, value in tensors.items()}
    found: Array = _forward(learned, _inputs(rows, tensors), torch.from_numpy(rows.there)).numpy()
    return found


def _statistics(train: Batch) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name, values in (("option", train.scalars[train.there]), ("seen", train.seen)):
        known = np.isfinite(values).any(axis=0)
        mean, sd = np.zeros(values.shape[1], np.float32), np.ones(values.shape[1], np.float32)
        mean[known] = np.nanmean(values[:, known], axis=0)
        sd[known] = np.maximum(np.nanstd(values[:, known], axis=0), 1e-6)
        found |= {f"{name}_mean": mean, f"{name}_sd": sd}
    return found


def _start(train: Batch, how: Fit, draw: np.random.Generator) -> dict[str, "Tensor"]:
    import torch

    dim, k, h, s, g = train.products.shape[2], how.projected, how.hidden, len(OPTION), len(SEEN)
    shapes = {"project": (dim, k), "layer": (s + k, h), "out": (2 * (h + s) + g + k, len(OUTCOMES))}
    # A product has d terms of about 1/d each: the projection starts so that its numbers are about 1.
    scales = {"project": 1.0, "layer": (s + k) ** -0.5, "out": 0.01}
    biases = {"layer_bias": (h,), "out_bias": (len(OUTCOMES),)}
    found = {name: draw.normal(0.0, scales[name], shape) for name, shape in shapes.items()}
    found |= {name: np.zeros(shape) for name, shape in biases.items()}
    return {name: torch.tensor(value, dtype=torch.float32, requires_grad=True) for name, value in found.items()}


def _inputs(rows: Batch, fixed: dict[str, Array]) -> dict[str, "Tensor"]:
    import torch

    scalars = standard(rows.scalars, fixed["option_mean"], fixed["option_sd"]).astype(np.float32)
    seen = standard(rows.seen, fixed["seen_mean"], fixed["seen_sd"]).astype(np.float32)
    arrays: dict[str, Any] = {
        "scalars": scalars, "seen": seen, "products": rows.products, "outcome": rows.outcome,
    }  # fmt: skip
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def _forward(learned: dict[str, "Tensor"], given: dict[str, "Tensor"], there: "Tensor") -> "Tensor":
    import torch

    vectors = given["products"] @ learned["project"]  # (b, 1 + n, k)
    each = torch.cat([given["scalars"], vectors[:, 1:]], 2)  # (b, n, S + k)
    hidden = torch.tanh(each @ learned["layer"] + learned["layer_bias"])  # (b, n, h)
    each = torch.cat([hidden, given["scalars"]], 2)
    mask = there[:, :, None]
    # -inf and not 0: a maximum below 0 must stay below 0.
    most = each.masked_fill(~mask, float("-inf")).amax(1)
    mean = (each * mask).sum(1) / mask.sum(1)
    return torch.cat([most, mean, given["seen"], vectors[:, 0]], 1) @ learned["out"] + learned["out_bias"]


def _loss(learned: dict[str, "Tensor"], given: dict[str, "Tensor"], there: "Tensor") -> "Tensor":
    import torch

    return torch.nn.functional.cross_entropy(_forward(learned, given, there), given["outcome"])
