"""What a chat model is to the rest of foveate, and what a reranker is."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from foveate.records import Hit, Result
from foveate.usage import Usage

__all__ = ["ChatModel", "ImagePart", "Message", "Reply", "Reranker", "Sampling", "TokenLogprob"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePart:
    """A picture for a model that sees: encoded bytes made just before sending, never kept in state."""

    data: bytes
    mime: Literal["image/png", "image/jpeg", "image/webp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn. Pictures come after the text, so that equal instructions share a prefix."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[ImagePart, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How to generate."""

    max_tokens: int = 128
    temperature: float = 0.0
    """0 is greedy, hence reproducible."""
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """Generation ends before the first of these; it is not part of the text."""
    top_logprobs: int = 0
    """Alternatives per token, 0 to 20; 0 asks for no log-probabilities at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLogprob:
    """One generated token and what else could have stood there."""

    token: str
    logprob: float
    """Natural logarithm."""
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a model said."""

    text: str
    finish: Literal["stop", "length"]
    usage: Usage
    logprobs: tuple[TokenLogprob, ...] = ()


class ChatModel(Protocol):
    """A generator.

    ``sees`` tells whether pictures may be sent; one sent to a model that cannot see raises ``CallerError``
    naming the cure, instead of being dropped in silence.
    """

    name: str
    sees: bool

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """One reply."""

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[str | Reply]:
        """Pieces of text as they come; the last item is the whole ``Reply``."""


class Reranker(Protocol):
    """Scores candidates again, closer up."""

    name: str

    async def rerank(self, question: str, results: Sequence[Result]) -> list[Hit]:
        """One hit a result, best first, ids kept; scores are probabilities of being relevant.

        The order and company of the input change no score.
        """
