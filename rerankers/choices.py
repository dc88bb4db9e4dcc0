"""One word out of a few, with its log-probability: what comparing rerankers ask a model for, in process or served."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from foveate.errors import CallerError, ModelError, ServiceError
from foveate.rerankers.protocols import ChatModel, Message, Reply, Sampling
from foveate.rerankers.together import together
from foveate.rerankers.yesno import TOP, log_sum
from foveate.usage import Usage

__all__ = ["ChatChoices", "Choice", "ChoosesToken", "ScoresOptions"]

_log = logging.getLogger(__name__)
# Servers and tokenizers write a leading space in three ways.
_SPACES = " \n\t\u2581\u0120"
_ROUNDING = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """How likely a model begins its reply with each option."""

    logprobs: tuple[float, ...] | None
    """Natural logarithms, one an option; None where the model's likeliest tokens hold none of them."""
    usage: Usage


class ChoosesToken(Protocol):
    """A language model asked for one of a few words."""

    name: str
    sees: bool

    async def choose(self, prompts: Sequence[Sequence[Message]], options: Sequence[str]) -> list[Choice]:
        """One choice a prompt, in order. Prompts that follow each other and begin alike share that computation."""


@runtime_checkable
class ScoresOptions(Protocol):
    """A chat model that can tell how likely any reply is, as :class:`foveate.rerankers.local.LocalChat`."""

    async def score(self, messages: Sequence[Message], options: Sequence[str]) -> list[float]:
        """Natural logarithm of the probability that the reply begins with each option."""


class ChatChoices:
    """Any chat model that gives log-probabilities: the first token of its reply and what could have stood there.

    An option that is not among the 20 likeliest tokens gets the probability of the last of them, the most it can
    have. A model that scores options itself is asked for those exactly.
    """

    def __init__(self, chat: ChatModel, *, concurrency: int = 8) -> None:
        """Wrap ``chat``.

        Args:
            chat: in process or served.
            concurrency: requests under way at once; a model that scores options is asked one by one, so that its
                kept prompt is still there for the second call.

        Raises:
            CallerError: fewer than one request at once.
        """
        if concurrency < 1:
            raise CallerError(f"concurrency is {concurrency!r}; allowed are whole numbers from 1")
        self.name = chat.name
        self.sees = chat.sees
        self._chat = chat
        self._concurrency = 1 if isinstance(chat, ScoresOptions) else concurrency

    async def choose(self, prompts: Sequence[Sequence[Message]], options: Sequence[str]) -> list[Choice]:
        """One choice a prompt, in order.

        Raises:
            CallerError: fewer than two options, or two alike.
            ServiceError: the reply has no log-probabilities, or one that is none.
        """
        if isinstance(options, str) or len(options) < 2 or len(set(options)) < len(options):
            raise CallerError(f"options is {options!r}; it must hold two different strings or more")
        return await together([partial(self._choose, prompt, options) for prompt in prompts], self._concurrency)

    async def _choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Choice:
        reply = await self._chat.chat(prompt, Sampling(max_tokens=1, top_logprobs=TOP))
        found, floor = _read(reply, options, self.name)
        if None not in found:
            return Choice(logprobs=tuple(value for value in found if value is not None), usage=reply.usage)
        if isinstance(self._chat, ScoresOptions):
            scores = await self._chat.score(prompt, options)
            if not all(math.isfinite(score) for score in scores):
                raise ModelError(f"model {self.name!r} gave the log-probabilities {scores!r} to {options!r}")
            return Choice(logprobs=tuple(scores), usage=reply.usage)
        if all(value is None for value in found):
            _log.info("model %r began with %r, none of %r", self.name, reply.text[:40], list(options))
            return Choice(logprobs=None, usage=reply.usage)
        return Choice(logprobs=tuple(floor if value is None else value for value in found), usage=reply.usage)


def _read(reply: Reply, options: Sequence[str], name: str) -> tuple[list[float | None], float]:
    """Log-probability of each option, all its spellings together, and of the least likely token that was named."""
    if not reply.logprobs or not reply.logprobs[0].top:
        raise ServiceError(f"model {name!r} replied without log-probabilities; comparing candidates needs top_logprobs")
    first = reply.logprobs[0]
    # The token that was taken may be missing among the alternatives of some servers.
    shares = dict([*first.top, (first.token, first.logprob)])
    for token, value in shares.items():
        if math.isnan(value) or value > _ROUNDING:
            raise ServiceError(f"model {name!r} gave token {token!r} the log-probability {value!r}")
    sums = [
        [value for token, value in shares.items() if token.strip(_SPACES) == option and math.isfinite(value)]
        for option in options
    ]
    floor = min((value for value in shares.values() if math.isfinite(value)), default=0.0)
    return [log_sum(values) if values else None for values in sums], floor
