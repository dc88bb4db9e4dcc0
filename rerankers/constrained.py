"""Decoding that may write only what is allowed: the next tokens of a reply, out of those a collection holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from foveate.errors import CallerError
from foveate.rerankers.layouts import Layout, Module
from foveate.rerankers.protocols import ChatModel, Message

__all__ = ["TRACE", "Codec", "Constrained", "Continuation", "FollowsPaths", "trace_prompt"]

TRACE = Layout(
    stage="trace",
    modules=(
        Module(
            name="instructions",
            role="system",
            text="Write the beginning of the sentence in the collection that answers the question.",
            shared_by="stage",
        ),
        Module(name="question", role="user", text="Question: {question}", shared_by="question"),
        Module(name="known", role="user", text="{known}", shared_by="nothing"),
    ),
)
_QUESTION_CHARS = 1000
_KNOWN_CHARS = 600
_CURE = "choose a model in this process: 'local:smollm2' or 'local:/path/to/folder'"


class Codec(Protocol):
    """A tokenizer."""

    def encode_text(self, text: str) -> list[int]:
        """Tokens of a text, control tokens as plain text."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens."""


@runtime_checkable
class FollowsPaths(Protocol):
    """A chat model whose next token can be asked for, as :class:`foveate.rerankers.local.LocalChat`."""

    async def codec(self) -> Codec:
        """Its tokenizer."""

    async def next_logprobs(
        self, messages: Sequence[Message], paths: Sequence[Sequence[int]], allowed: Sequence[Sequence[int]]
    ) -> list[dict[int, float]]:
        """Natural-log probability of each allowed token after the prompt and a path of tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Continuation:
    """One token that may come next."""

    token: int
    logprob: float
    """Natural logarithm, over the whole vocabulary."""
    share: float
    """Of the probability that all allowed tokens have together, in [0, 1]."""


class Constrained:
    """A chat model that writes from a list of allowed tokens at each step."""

    def __init__(self, chat: ChatModel) -> None:
        """Wrap ``chat``.

        Raises:
            CallerError: the model does not run in this process; servers tell a few likely tokens, not any.
        """
        if not isinstance(chat, FollowsPaths):
            raise CallerError(f"model {chat.name!r} cannot be held to a collection's words; {_CURE}")
        self.name = chat.name
        self._chat: FollowsPaths = chat

    async def codec(self) -> Codec:
        """The model's tokenizer."""
        return await self._chat.codec()

    async def continuations(
        self,
        messages: Sequence[Message],
        paths: Sequence[Sequence[int]],
        allowed: Sequence[Sequence[int]],
        *,
        top: int | None = None,
    ) -> list[list[Continuation]]:
        """What may come after the prompt and each path, likeliest first, ties by token.

        Args:
            messages: the prompt; what it costs is paid once for all paths and calls.
            paths: beginnings of the reply as token ids.
            allowed: tokens that may follow, one list a path; an empty one gives an empty list.
            top: at most so many a path; shares are still of all that is allowed.
        """
        found = await self._chat.next_logprobs(messages, paths, allowed)
        return [_shared(logprobs)[:top] for logprobs in found]


def _shared(logprobs: dict[int, float]) -> list[Continuation]:
    peak = max(logprobs.values(), default=0.0)
    # Where all are impossible, none is better than another.
    weights = {token: math.exp(value - peak) if math.isfinite(peak) else 1.0 for token, value in logprobs.items()}
    total = sum(weights.values())
    made = [Continuation(token=token, logprob=logprobs[token], share=weights[token] / total) for token in logprobs]
    return sorted(made, key=lambda one: (-one.logprob, one.token))


def trace_prompt(question: str, known: Sequence[str] = ()) -> list[Message]:
    """Question, and what was read so far -> the beginning of a sentence. Both are cut where they are long."""
    facts = " ".join(" ".join(known).split())[:_KNOWN_CHARS]
    values = {
        "question": " ".join(question.split())[:_QUESTION_CHARS],
        "known": f"Known: {facts}" if facts else "",
    }
    return [*TRACE.messages(values)]
