"""How a projector of alignment vectors is trained, and how it went."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from foveate.errors import CallerError

__all__ = ["Accuracy", "InjectionRecipe", "InjectionReport", "TrainingStep"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InjectionRecipe:
    """Settings of :func:`foveate.rerankers.injection.training.train_injection`."""

    hidden: int = 32
    """Numbers between the projector's layers."""
    aligning: int = 300
    """Steps before the language model is asked at all; see :func:`foveate.rerankers.injection.aligning.align`."""
    epochs: int = 1
    """The most; the weights with the lowest held-out loss are kept."""
    batch: int = 4
    """Rows a step."""
    learning_rate: float = 5e-4
    """Of AdamW, falling to a tenth of it along a cosine."""
    weight_decay: float = 0.05
    dropout: float = 0.8
    """Share of a vector's numbers that is zeroed in training; never of its sums."""
    held_out: float = 0.2
    """Share of the groups that only choose the epoch and give the figures."""
    max_minutes: float = 30.0
    """Wall-clock limit; training then ends with the best weights so far."""
    seed: int = 0
    """Of the weights, the split and all orders."""

    def __post_init__(self) -> None:
        for name in ("hidden", "epochs", "batch"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise CallerError(f"{name} is {value!r}; allowed are whole numbers from 1")
        if not isinstance(self.aligning, int) or isinstance(self.aligning, bool) or self.aligning < 0:
            raise CallerError(f"aligning is {self.aligning!r}; allowed are whole numbers from 0")
        for name in ("learning_rate", "max_minutes"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise CallerError(f"{name} is {value!r}; allowed are numbers above 0")
        if not 0.0 <= self.dropout < 1.0:
            raise CallerError(f"dropout is {self.dropout!r}; allowed are shares from 0 to below 1")
        if not math.isfinite(self.weight_decay) or self.weight_decay < 0:
            raise CallerError(f"weight_decay is {self.weight_decay!r}; allowed are numbers from 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingStep:
    """Told after each step."""

    epoch: int
    """From 1."""
    step: int
    """From 1, over all epochs."""
    steps: int
    """If no time limit ends it."""
    loss: float
    """Of this step's rows, in nats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """Of the held-out rows; NaN where there are none of a kind."""

    loss: float
    """Mean cross-entropy of the right letter, in nats."""
    right: float
    """Share with the right letter."""
    right_option: float
    """The same of rows with a right option."""
    right_none: float
    """The same of rows without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InjectionReport:
    """How training went."""

    rows: int
    held_out: int
    """Rows that were not trained on."""
    epochs: int
    """That the kept weights have seen."""
    ended_by: str
    """``epochs`` or ``minutes``."""
    before: Accuracy
    """Of the projector before the first step."""
    aligned: Accuracy
    """After the steps without the language model."""
    after: Accuracy
    """Of the kept weights."""
    losses: tuple[float, ...]
    """Mean training loss of each epoch."""
    held_losses: tuple[float, ...]
    """Held-out loss after each."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form, rounded; NaN as None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
