"""Yes or no of pairs as the goal of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from foveate.rerankers.lora.learners import Batch, Learner
from foveate.rerankers.lora.measuring import group_numbers, log_odds, losses, measure, ranking_loss
from foveate.rerankers.lora.pairs import Pair

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PairGoal"]


class PairGoal:
    """A learner and its pairs."""

    def __init__(self, learner: Learner, sides: tuple[Sequence[Pair], Sequence[Pair]], listwise: float) -> None:
        """Prepare the pairs.

        Args:
            learner: with a fresh adapter.
            sides: pairs to train on, pairs to measure on.
            listwise: weight of the second loss.
        """
        self._learner, self._listwise = learner, listwise
        self._train, self._dev = sides
        self._prepared = [learner.prepare(side) for side in sides]
        self.groups = group_numbers(self._train)

    @property
    def model(self) -> Any:
        """Of the learner."""
        return self._learner.model

    def batches(self, order: Sequence[int]) -> list[Batch]:
        """The learner's."""
        return self._learner.batches(self._prepared[0], order)

    def mass(self, batches: Sequence[Batch]) -> float:
        """Each pair weighs the same."""
        return sum(len(batch.pairs) for batch in batches)

    def loss(self, batch: Batch, mass: float) -> tuple["Tensor", float]:
        """Cross-entropy of the label's token, which is told, and ListNet where it is wanted."""
        learner = self._learner
        labels = [self._train[at].label for at in batch.pairs]
        logits = learner.logits(batch)
        loss = losses(logits, labels, learner.answers).sum() / mass
        told = float(loss.detach())
        if self._listwise:
            groups = [self.groups[at] for at in batch.pairs]
            ranking, count = ranking_loss(log_odds(logits, learner.answers), labels, groups)
            # A question weighs as much as its candidates do in the other loss.
            loss = loss + self._listwise * ranking * (len(batch.pairs) / max(count, 1)) / mass
        return loss, told

    def measure(self) -> Mapping[str, Any]:
        """Figures of :class:`foveate.rerankers.lora.figures.Figures`."""
        return asdict(measure(self._learner, self._prepared[1], self._dev))
