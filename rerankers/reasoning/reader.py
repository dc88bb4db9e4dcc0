"""The shortest answer that stands word for word in what was read."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from foveate.rerankers.protocols import ChatModel, ImagePart, Sampling
from foveate.rerankers.reasoning.prompts import NONE, read_prompt
from foveate.rerankers.sentences import coverage
from foveate.usage import Usage

__all__ = ["Short", "holds", "read_short"]

_MAX_TOKENS = 32
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Short:
    """A short answer."""

    text: str
    """Words of the note; empty when the model found none, or said what no note holds."""
    note: int | None
    """Position in the notes of the one that holds it and fits the question best."""
    probability: float
    """The model's own, of all the reply's tokens together; NaN where it gives none."""
    usage: Usage
    refused: str = ""
    """What the model said that no note holds."""


async def read_short(chat: ChatModel, question: str, notes: Sequence[str], images: Sequence[ImagePart] = ()) -> Short:
    """Ask for the answer in as few words as possible; what is not verbatim in a note is refused.

    Args:
        chat: reads.
        question: one that needs no further look-up.
        notes: what was found, best first.
        images: for a model that sees; an answer seen there must stand in a note all the same.

    Raises:
        ModelError, ServiceError: the model failed.
    """
    if not notes:
        return Short(text="", note=None, probability=math.nan, usage=Usage())
    sampling = Sampling(max_tokens=_MAX_TOKENS, stop=("\n",), top_logprobs=1)
    reply = await chat.chat(read_prompt(question, notes, images), sampling)
    said = _plain(reply.text)
    chance = math.exp(sum(token.logprob for token in reply.logprobs)) if reply.logprobs else math.nan
    if not said or said.casefold() == NONE:
        return Short(text="", note=None, probability=chance, usage=reply.usage)
    holders = [i for i, note in enumerate(notes) if holds(note, said)]
    if not holders:
        return Short(text="", note=None, probability=chance, usage=reply.usage, refused=said)
    best = max(holders, key=lambda i: (coverage(question, notes[i]), -i))
    return Short(text=said, note=best, probability=chance, usage=reply.usage)


def holds(note: str, answer: str) -> bool:
    """Whether the answer stands in the note as whole words; case and white space do not count."""
    words = re.escape(_SPACE.sub(" ", answer).strip())
    return re.search(rf"(?<!\w){words}(?!\w)", _SPACE.sub(" ", note), re.IGNORECASE) is not None


def _plain(text: str) -> str:
    """Without the full stop and quotation marks that models put around answers."""
    return _SPACE.sub(" ", text).strip().strip("\"'").rstrip("?!,;: ").removesuffix(".").strip()
