"""Yes/no judgements of a served model: one token each, read off the server's alternatives."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from foveate.errors import CallerError
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.grouping import in_groups
from foveate.rerankers.protocols import ChatModel, Judgement, Message, Sampling
from foveate.rerankers.shown import cut_about
from foveate.rerankers.yesno import TOP, judgement_of

__all__ = ["ServedJudge"]

_ONE_TOKEN = Sampling(max_tokens=1, temperature=0.0, top_logprobs=TOP)


class ServedJudge:
    """A ``YesNoModel`` over any chat model that gives log-probabilities, :class:`OpenAIChat` above all.

    Further attempts, time limits and typed errors of the connection are the chat model's. A server's scores are worth
    comparing with :class:`LocalJudge` before they are trusted: ``foveate vllm parity``.
    """

    def __init__(self, chat: ChatModel, *, tokenizer: str | Path | None = None, at_once: int = 8) -> None:
        """Wrap ``chat``; nothing is sent yet.

        Args:
            chat: the model to ask; ``sees`` and ``name`` are its own.
            tokenizer: a model folder whose ``tokenizer.json`` counts tokens as the server does; without it, ``cut``
                goes by a cautious rule of about four letters a token.
            at_once: the most requests under way in one event loop, whoever asks.

        Raises:
            CallerError: ``at_once`` is below 1.
            ModelError: the folder has no tokenizer.
        """
        if not isinstance(at_once, int) or at_once < 1:
            raise CallerError(f"at_once is {at_once!r}; allowed are whole numbers from 1")
        self.name = chat.name
        self.sees = chat.sees
        self.chat = chat
        self._cutter = None if tokenizer is None else TokenCutter(Path(tokenizer).expanduser())
        self._at_once = at_once
        self._turns: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    def __repr__(self) -> str:
        return f"ServedJudge({self.name!r})"

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """One judgement a prompt, in order; the first fault ends the other requests.

        The first of those that begin alike goes ahead, so that a server with a prefix cache has their beginning.

        Raises:
            CallerError: pictures for a model that reads only, or a request that the server refuses.
            ModelError: no such model there, or it answers neither yes nor no.
            ServiceError: unreachable, busy or failing after all attempts, or without usable log-probabilities.
        """
        return await in_groups(prompts, self._judge, at_once=self._at_once)

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of ``text``: at most ``tokens`` tokens, the whole text where it fits."""
        return cut_about(text, tokens) if self._cutter is None else self._cutter(text, tokens)

    async def _judge(self, prompt: Sequence[Message]) -> Judgement:
        async with self._semaphore():
            reply = await self.chat.chat(prompt, _ONE_TOKEN)
        return judgement_of(reply, name=self.name)

    def _semaphore(self) -> asyncio.Semaphore:
        # It belongs to the event loop that waited on it first; a later asyncio.run needs its own.
        loop = asyncio.get_running_loop()
        if self._turns is None or self._turns[0] is not loop:
            self._turns = (loop, asyncio.Semaphore(self._at_once))
        return self._turns[1]
