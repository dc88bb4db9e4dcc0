"""What can be trained on pairs: a text model by packed rows, or a model that sees by a processor's batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.yesno import AnswerTokens

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Answers", "Batch", "Learner"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Tokens that answer, and the one of each that is taught."""

    tokens: AnswerTokens
    yes: int
    no: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Pairs of one forward pass."""

    pairs: tuple[int, ...]
    """Their numbers in the list that was prepared, in the order of the logits."""
    tokens: int
    """That go through the model."""
    body: Any
    """The learner's own."""


class Learner(Protocol):
    """A model with an adapter, and how pairs are put to it: exactly as a reranker puts candidates."""

    model: Any
    """peft's, float32, on the CPU."""
    answers: Answers

    def prepare(self, pairs: Sequence[Pair]) -> Any:
        """Whatever is done once with the pairs.

        Raises:
            CallerError: a pair that the model cannot take.
        """

    def batches(self, prepared: Any, order: Sequence[int]) -> list[Batch]:
        """Batches over the pairs with these numbers, in this order, those of one question next to each other."""

    def logits(self, batch: Batch) -> "Tensor":
        """[N, vocabulary] of the token after each prompt, with gradients where they are on."""
