"""What a chat model is to the rest of foveate, and what a reranker is."""

import math
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from foveate.records import Hit, Result
from foveate.usage import Usage

__all__ = [
    "Candidate",
    "ChatModel",
    "ImagePart",
    "Judgement",
    "Message",
    "Present",
    "Reply",
    "Reranker",
    "Sampling",
    "TokenLogprob",
    "YesNoModel",
]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a model says to a yes/no question: two log-probabilities and the share of yes."""

    yes: float
    """Natural logarithm of the summed probability of all spellings of yes as the next token."""
    no: float
    """The same of no."""
    usage: Usage

    @property
    def probability(self) -> float:
        """Softmax over the two, in [0, 1]: what is said beside yes and no does not count."""
        return 1.0 / (1.0 + math.exp(min(max(self.no - self.yes, -700.0), 700.0)))


class YesNoModel(Protocol):
    """A language model asked for one word.

    Implementations: in process, in process with pictures, and served. The company of a prompt changes its
    probability by no more than 1e-4.
    """

    @property
    def name(self) -> str:
        """Model, and adapter where there is one."""

    sees: bool

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """One judgement a prompt, in order. Prompts that share a beginning share its computation."""

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of ``text``: at most ``tokens`` tokens, the whole text where it fits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """What a reranking model is shown of a result."""

    id: str
    """Of the chunk."""
    text: str
    """The chunk's own text, or a picture told in words to a model that cannot see; may be empty."""
    images: tuple[ImagePart, ...] = ()


Present = Callable[[Sequence[Result]], Sequence[Candidate]]
"""Results -> one candidate each, in order. Blocking (it reads files, runs an encoder): called in a thread."""


class Reranker(Protocol):
    """Scores candidates again, closer up."""

    name: str

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits, best first, ids kept, ties by id; scores are probabilities of being relevant where they are calibrated.

        One hit a result, but for rerankers that cut off what is irrelevant. ``images`` belong to the question; a
        reranker that cannot use them goes by the words. The order of the input changes no score; for pointwise
        rerankers its company does not either. An empty pool gives an empty list.
        """
