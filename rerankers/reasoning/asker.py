"""Questions that a passage answers, written by a language model (HopRAG: Liu et al. 2025, arXiv 2502.12442)."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from foveate.rerankers.protocols import ChatModel, Sampling
from foveate.rerankers.reasoning.prompts import ask_prompt
from foveate.rerankers.sentences import content_words
from foveate.usage import Usage

__all__ = ["ChatAsker", "Written"]

_MOST = 6
_TOKENS_EACH = 24
_AT_ONCE = 8
"""Passages that are asked about side by side; a served model batches them."""
_PASSAGE_CHARS = 4_000
_QUESTION_CHARS = 300
_MARKS = re.compile(r"^\s*(?:(?:\[\d+\]|\d+[.)]|[-*\u2022])\s+)?")
"""What models put before a line of a list."""
_ENDS = ("?", "\uff1f", "\u061f", "\u037e")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What a model wrote about one passage."""

    questions: tuple[str, ...] = ()
    """One line each, no two alike."""
    refused: tuple[str, ...] = ()
    """Lines that are no question, or that share no content word with the passage."""
    usage: Usage = field(default_factory=Usage)


class ChatAsker:
    """Asks a chat model; what it writes is parsed strictly."""

    def __init__(self, chat: ChatModel, *, most: int = _MOST) -> None:
        """Choose who asks.

        Args:
            chat: writes the questions.
            most: questions of a passage, at most.
        """
        self._chat = chat
        self._most = most
        self.name = f"chat-1-{chat.name}-{most}"

    async def ask(self, passages: Sequence[str]) -> list[Written]:
        """What each passage answers, in order; a passage without a content word is not asked about.

        Raises:
            ModelError, ServiceError: the model failed.
        """
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(passage: str) -> Written:
            async with gate:
                return await self._one(passage)

        return list(await asyncio.gather(*(one(passage) for passage in passages)))

    async def _one(self, passage: str) -> Written:
        text = passage[:_PASSAGE_CHARS]
        if not content_words(text):
            return Written()
        sampling = Sampling(max_tokens=_TOKENS_EACH * self._most, stop=("\n\n",))
        reply = await self._chat.chat(ask_prompt(text), sampling)
        lines = reply.text.splitlines()
        # Whatever a length limit cut off is half a question.
        whole = lines[:-1] if reply.finish == "length" and not reply.text.rstrip().endswith(_ENDS) else lines
        questions, refused = _parsed(whole, text, self._most)
        return Written(questions=questions, refused=refused, usage=reply.usage)


def _parsed(lines: Sequence[str], passage: str, most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = set(content_words(passage))
    kept: dict[tuple[str, ...], str] = {}
    refused = []
    for raw in lines:
        line = " ".join(_MARKS.sub("", raw, count=1).split())
        words = content_words(line)
        if not line:
            continue
        if not line.endswith(_ENDS) or len(line) > _QUESTION_CHARS or not known.intersection(words):
            refused.append(line)
        else:
            # "Who founded the museum?" and "who founded a museum ?" are one question.
            kept.setdefault((line.split()[0].casefold(), *words), line)
    return tuple(kept.values())[:most], tuple(refused)
