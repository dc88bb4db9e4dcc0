"""How well a model says replies word by word, when it is given what stands before each word (teacher forcing)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["CompletionFigures", "ReplyFigures", "Said", "completion_figures"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What was measured of one completion."""

    task: str
    loss: float
    """Mean cross-entropy over its tokens, the end among them, in nats."""
    tokens: int
    right: int
    """Tokens that the model would have chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyFigures:
    """Figures over completions of one task, or of all; each completion counts the same in ``loss`` and ``exact``."""

    completions: int
    tokens: int
    """Of the replies and their ends."""
    loss: float
    """Mean over completions of their mean cross-entropy, in nats."""
    token_accuracy: float
    """Share of all tokens that greedy decoding would have chosen."""
    exact: float
    """Share of completions whose tokens would all have been chosen: greedy decoding gives exactly these replies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionFigures:
    """Figures over held-out completions."""

    loss: float
    """Weighted by the recipe's ``weights``, as in training: the kept weights have the lowest."""
    whole: ReplyFigures
    tasks: Mapping[str, ReplyFigures]
    """By task, sorted."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> "CompletionFigures":
        """Of :meth:`to_dict`.

        Raises:
            KeyError, TypeError: it is not.
        """
        tasks = {task: ReplyFigures(**found) for task, found in body["tasks"].items()}
        return cls(loss=body["loss"], whole=ReplyFigures(**body["whole"]), tasks=tasks)


def completion_figures(said: Sequence[Said], weights: Mapping[str, float]) -> CompletionFigures:
    """All figures of at least one completion; ``weights`` by task, 1 where nothing is said."""
    tasks = sorted({one.task for one in said})
    heavy = [weights.get(one.task, 1.0) for one in said]
    return CompletionFigures(
        loss=math.fsum(one.loss * weight for one, weight in zip(said, heavy, strict=True)) / math.fsum(heavy),
        whole=_figures(said),
        tasks={task: _figures([one for one in said if one.task == task]) for task in tasks},
    )


def _figures(said: Sequence[Said]) -> ReplyFigures:
    tokens = sum(one.tokens for one in said)
    return ReplyFigures(
        completions=len(said),
        tokens=tokens,
        loss=math.fsum(one.loss for one in said) / len(said),
        token_accuracy=sum(one.right for one in said) / tokens,
        exact=sum(one.right == one.tokens for one in said) / len(said),
    )
