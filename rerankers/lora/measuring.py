"""Losses and figures of a learner on pairs."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from foveate.errors import ModelError
from foveate.rerankers.lora.figures import Figures, figures
from foveate.rerankers.lora.learners import Answers, Learner
from foveate.rerankers.lora.pairs import Pair, by_group

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["dropout", "group_numbers", "log_odds", "losses", "measure", "ranking_loss"]


def log_odds(logits: "Tensor", answers: Answers) -> "Tensor":
    """[N, vocabulary] -> [N]: log-probability of yes minus that of no, all spellings summed."""
    yes, no = list(answers.tokens.yes), list(answers.tokens.no)
    return logits[:, yes].logsumexp(-1) - logits[:, no].logsumexp(-1)


def losses(logits: "Tensor", labels: Sequence[bool], answers: Answers) -> "Tensor":
    """[N, vocabulary] -> [N]: cross-entropy of the label's token among all tokens."""
    import torch

    targets = torch.tensor([answers.yes if label else answers.no for label in labels])
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none")


def ranking_loss(odds: "Tensor", labels: Sequence[bool], groups: Sequence[int]) -> tuple["Tensor", int]:
    """ListNet (Cao et al. 2007): cross-entropy between a question's matches and a softmax over its candidates.

    Returns:
        The sum over questions, and how many they are: those with a match and a mismatch here.
    """
    import torch

    total, count = odds.new_zeros(()), 0
    for group in sorted(set(groups)):
        chosen = [at for at, found in enumerate(groups) if found == group]
        truth = torch.tensor([float(labels[at]) for at in chosen])
        if 0 < float(truth.sum()) < len(chosen):
            total = total - (odds[chosen].log_softmax(0) * truth).sum() / truth.sum()
            count += 1
    return total, count


def measure(learner: Learner, prepared: Any, pairs: Sequence[Pair]) -> Figures:
    """Figures on all pairs, without dropout.

    Raises:
        ModelError: a loss is no number.
    """
    import torch

    numbers = group_numbers(pairs)
    order = sorted(range(len(pairs)), key=lambda at: numbers[at])
    found_losses, found_odds = [0.0] * len(pairs), [0.0] * len(pairs)
    with torch.inference_mode(), dropout(learner.model, on=False):
        for batch in learner.batches(prepared, order):
            logits = learner.logits(batch)
            each = losses(logits, [pairs[at].label for at in batch.pairs], learner.answers).tolist()
            odds = log_odds(logits, learner.answers).tolist()
            for at, loss, value in zip(batch.pairs, each, odds, strict=True):
                found_losses[at], found_odds[at] = loss, value
                if not (math.isfinite(loss) and math.isfinite(value)):
                    raise ModelError(
                        f"the model broke down on held-out question {pairs[at].question!r:.80}: loss {loss}; its "
                        "weights are damaged, or learning_rate is too high"
                    )
    return figures(found_losses, found_odds, [pair.label for pair in pairs], numbers)


def group_numbers(pairs: Sequence[Pair]) -> list[int]:
    """Number of each pair's question."""
    known = {key: number for number, key in enumerate(by_group(pairs))}
    return [known[pair.key] for pair in pairs]


@contextmanager
def dropout(model: Any, *, on: bool) -> Iterator[None]:
    """The adapter's dropout on or off; the base never drops anything."""
    parts = [module for name, module in model.named_modules() if "lora_dropout" in name]
    before = [part.training for part in parts]
    for part in parts:
        part.train(on)
    try:
        yield
    finally:
        for part, was in zip(parts, before, strict=True):
            part.train(was)
