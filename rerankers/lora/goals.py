"""What a run makes better: records put to a model, their loss, and how well it does on held-out ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from foveate.rerankers.lora.learners import Batch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Goal"]


class Goal(Protocol):
    """Pairs or completions, on the way through a model with an adapter."""

    @property
    def model(self) -> Any:
        """peft's, float32, on the CPU."""

    @property
    def groups(self) -> Sequence[int]:
        """Number of the group of each record that is trained on; groups stay together."""

    def batches(self, order: Sequence[int]) -> list[Batch]:
        """Batches over the records with these numbers, those of one group next to each other."""

    def mass(self, batches: Sequence[Batch]) -> float:
        """What the losses of a step are divided by: the summed weight of its records."""

    def loss(self, batch: Batch, mass: float) -> tuple["Tensor", float]:
        """What is differentiated, and the part of it that is told; both divided by ``mass``."""

    def measure(self) -> Mapping[str, Any]:
        """Figures on held-out records, as JSON; ``loss`` is what the kept weights have lowest.

        Raises:
            ModelError: a loss is no number.
        """
