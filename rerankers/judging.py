"""The token after each of many prompts: their common beginning once, their ends side by side. Blocking."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from foveate.errors import ModelError
from foveate.rerankers.prefixes import PrefixStore, SharedLayer
from foveate.rerankers.sharing import batches, groups
from foveate.rerankers.yesno import AnswerTokens

__all__ = ["NextTokens", "Read", "Seen", "answer_logprobs", "only_last"]

Read = Callable[[Tensor], Tensor]
"""Logits [rows, vocabulary] -> what to keep of them, [rows, values]."""
Forward = Callable[[list[list[int]], Cache, int], Tensor]
# Tokens of one batch: about 2 s of two cores for SmolLM2, after which a cancelled call ends.
_TOKENS = 1024
# Positions that attention holds at once, a layer: 100 MB of keys and values for SmolLM2.
_POSITIONS = 65_536
_PIECE = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was read after one prompt."""

    values: Tensor
    """[values]."""
    cached: int
    """Tokens of the prompt that another one, or an earlier call, had computed."""


class NextTokens:
    """A model and the prefixes kept for it."""

    def __init__(self, model: Any, prefixes: PrefixStore, forward: Forward) -> None:
        """Wrap ``model``.

        Args:
            model: with ``get_output_embeddings``.
            prefixes: kept beginnings; read and added to.
            forward: (rows, cache, logits to keep) -> logits [rows, kept, vocabulary].
        """
        self._model = model
        self._prefixes = prefixes
        self._forward = forward

    def after(self, rows: Sequence[list[int]], read: Read, check: Callable[[], None]) -> list[Seen]:
        """What ``read`` makes of the logits after each row, in order.

        Args:
            rows: token ids, none empty; equal ones are computed once.
            read: keeps little of a batch's logits, so that they need not all stay in memory.
            check: called before each pass; raises when nobody wants the result any more.
        """
        unique = list(dict.fromkeys(map(tuple, rows)))
        seen: dict[tuple[int, ...], Seen] = {}
        for group in groups(unique):
            members = [unique[at] for at in group.members]
            ends = [list(row[group.shared :]) for row in members]
            seen |= zip(members, self.beyond(list(members[0][: group.shared]), ends, read, check), strict=True)
        met: set[tuple[int, ...]] = set()
        results = []
        for row in map(tuple, rows):
            results.append(Seen(values=seen[row].values, cached=len(row)) if row in met else seen[row])
            met.add(row)
        return results

    def beyond(self, prefix: list[int], ends: Sequence[list[int]], read: Read, check: Callable[[], None]) -> list[Seen]:
        """What ``read`` makes of the logits after each end, in order.

        Args:
            prefix: token ids that stand before every end; computed once and kept.
            ends: token ids, none empty.
            read: as in :meth:`after`.
            check: as in :meth:`after`.
        """
        cache, cached = self._begin(prefix, check)
        # The first one pays for the beginning; it comes from the kept ones as far as it was there.
        seen: list[Seen | None] = [None] * len(ends)
        for batch in batches([len(end) for end in ends], shared=len(prefix), tokens=_TOKENS, positions=_POSITIONS):
            check()
            values = read(self._ends([ends[at] for at in batch], cache))
            for at, value in zip(batch, values, strict=True):
                seen[at] = Seen(values=value, cached=len(prefix) if at else cached)
        return [one for one in seen if one is not None]

    def _begin(self, prefix: list[int], check: Callable[[], None]) -> tuple[Cache, int]:
        """Keys and values of ``prefix``, kept for later calls, and how many of its tokens were there already."""
        # take() never gives the last token, hence one that stands for the end.
        cache, cached = self._prefixes.take([*prefix, -1])
        for start in range(cached, len(prefix), _PIECE):
            check()
            self._forward([prefix[start : start + _PIECE]], cache, 1)
        if cached < len(prefix):
            self._prefixes.keep(prefix, cache)
        return cache, cached

    def _ends(self, ends: list[list[int]], prefix: Cache) -> Tensor:
        """Logits after the last token of each end, [rows, vocabulary].

        Ends are padded on the right: a causal model's tokens do not see what comes after them, and their positions
        go on from the prefix.
        """
        width = max(map(len, ends))
        padded = [[*end, *[0] * (width - len(end))] for end in ends]
        last = torch.tensor([len(end) - 1 for end in ends])
        with only_last(self._model.get_output_embeddings(), last):
            logits = self._forward(padded, SharedLayer.over(prefix, len(ends)), 0)
        if logits.shape[:2] != (len(ends), 1):
            raise ModelError(f"a model of type {type(self._model).__name__!r} makes logits in a way that is not known")
        return logits[:, 0]


def answer_logprobs(logits: Tensor, answers: AnswerTokens, name: str) -> Tensor:
    """Log-probabilities of yes and no, [rows, 2], each the sum of its spellings, from logits [rows, vocabulary].

    Raises:
        ModelError: a logit is no number.
    """
    total = logits.logsumexp(-1)
    if not total.isfinite().all():
        raise ModelError(f"model {name!r} gave logits that are no numbers: its weights are damaged")
    both = [logits[:, list(tokens)].logsumexp(-1) - total for tokens in (answers.yes, answers.no)]
    return torch.stack(both, dim=-1)


@contextmanager
def only_last(head: Any, places: Tensor) -> Iterator[None]:
    """Let the output layer see one place a row: the vocabulary is the largest matrix of small models.

    Done at its door and not around the model, so that whatever the model does to its logits afterwards (scales,
    soft caps) is done.
    """

    def pick(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = arguments[0]  # [rows, width, size]
        return (hidden[torch.arange(len(places)), places][:, None], *arguments[1:])

    handle = head.register_forward_pre_hook(pick)
    try:
        yield
    finally:
        handle.remove()
