"""A chat model in this process, from a folder of safetensors: no server, no network."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.errors import CallerError, ExtraMissing
from foveate.rerankers.checks import check_messages, check_sampling
from foveate.rerankers.folders import check_folder
from foveate.rerankers.prompts import ChatPrompt
from foveate.rerankers.protocols import Judgement, Message, Reply, Sampling
from foveate.rerankers.worker import Worker

if TYPE_CHECKING:
    from foveate.rerankers.engine import Engine

__all__ = ["LocalChat"]

# 46 kB a token for SmolLM2-135M: room for one full context of 8,192 tokens, or for several usual prompts.
_CACHE_BYTES = 512 * 2**20
_CACHED_PROMPTS = 4


class LocalChat:
    """A transformers causal language model, float32 on the CPU, loaded at the first call.

    Calls run one after another in a thread of their own, so the event loop stays free; a cancelled call stops
    before its next token. The keys and values of the last prompts are kept: put what prompts share first.
    """

    sees = False

    def __init__(
        self,
        model: str | Path = "smollm2",
        *,
        adapter: Path | None = None,
        cached_prompts: int = _CACHED_PROMPTS,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        """Find the folder and check that it is safe to load.

        Args:
            model: a folder (a ``Path``, or a string with a slash) or the name of a fetched model.
            adapter: a folder with a LoRA adapter for this very model; its name is added to ``name``.
            cached_prompts: how many prompts to keep; 0 computes each from its beginning.
            cache_bytes: the most that their keys and values may take.

        Raises:
            ModelMissing: never fetched; names the command that gets it.
            ModelError: the folder asks to run code, or holds no safetensors; the adapter is unsafe, or for
                another model.
        """
        self.folder = _folder(model)
        check_folder(self.folder)
        self.name = self.folder.name if isinstance(model, Path) or "/" in model else model
        self.adapter = adapter
        if adapter is not None:
            from foveate.rerankers.lora.adapters import check_adapter

            self.name += f"+{check_adapter(adapter, self.folder).name}"
        self._limits = (cached_prompts, cache_bytes)
        self._worker = Worker(self._load, "foveate-chat")

    def __repr__(self) -> str:
        return f"LocalChat({self.name!r}, {'loaded' if self._worker.loaded else 'not loaded'})"

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """One reply."""
        self._check(messages, sampling)
        return await self._worker.run(lambda engine, halted: engine.generate(messages, sampling, halted))

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[str | Reply]:
        """Pieces of text as they become certain, then the whole reply. Leaving early stops the model."""
        self._check(messages, sampling)
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        def emit(piece: str) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        task = asyncio.ensure_future(
            self._worker.run(lambda engine, halted: engine.generate(messages, sampling, halted, emit))
        )
        # Pieces and the end both come through the loop's queue of callbacks, so they keep their order.
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            yield await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def score(self, messages: Sequence[Message], options: Sequence[str]) -> list[float]:
        """Natural-log probability that the reply begins with each option, in the order given.

        A sum over the option's tokens: longer options score lower, and an option that begins another one is
        at least as likely. Control tokens in options count as plain text.

        Raises:
            CallerError: an option is empty, or prompt and option together exceed the context.
        """
        check_messages(messages, name=self.name, sees=self.sees)
        if isinstance(options, str) or not options:
            raise CallerError(f"options is {options!r}; it must be a sequence of one string or more")
        return await self._worker.run(lambda engine, halted: engine.score(messages, options, halted))

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """Whether each reply begins with yes or no; see :class:`foveate.rerankers.local_judge.LocalJudge`.

        Raises:
            CallerError: a prompt carries pictures, or exceeds the context.
            ModelError: the tokenizer has no tokens for yes and no, or the weights give no numbers.
        """
        for messages in prompts:
            check_messages(messages, name=self.name, sees=self.sees)
        if not prompts:
            return []
        return await self._worker.run(lambda engine, halted: engine.judge(prompts, halted))

    async def codec(self) -> ChatPrompt:
        """The tokenizer, to make paths for :meth:`next_logprobs` and to read them."""
        return await self._worker.run(lambda engine, halted: engine.prompt)

    async def next_logprobs(
        self, messages: Sequence[Message], paths: Sequence[Sequence[int]], allowed: Sequence[Sequence[int]]
    ) -> list[dict[int, float]]:
        """Natural-log probability of each allowed token after the prompt and a path of tokens.

        The prompt is computed once and kept, also between calls; the paths go through the model side by side.

        Args:
            messages: the prompt.
            paths: beginnings of the reply as token ids; an empty one asks for its first token.
            allowed: tokens to look at, one list a path; the probabilities are over the whole vocabulary.

        Raises:
            CallerError: a path or a token that the model cannot take.
            ModelError: the weights give no numbers.
        """
        check_messages(messages, name=self.name, sees=self.sees)
        if len(paths) != len(allowed):
            raise CallerError(f"{len(paths)} paths came with {len(allowed)} lists of allowed tokens")
        if not paths:
            return []
        return await self._worker.run(lambda engine, halted: engine.next_logprobs(messages, paths, allowed, halted))

    async def load(self) -> None:
        """Load now rather than at the first call."""
        await self._worker.run(lambda engine, halted: None)

    def close(self) -> None:
        """Wait for the running call, drop those that wait, free the model."""
        self._worker.close()

    def _check(self, messages: Sequence[Message], sampling: Sampling) -> None:
        check_sampling(sampling)
        check_messages(messages, name=self.name, sees=self.sees)

    def _loaded(self) -> "Engine":
        return self._worker.model()

    def _load(self) -> "Engine":
        try:
            from foveate.rerankers.engine import Engine
        except ModuleNotFoundError as error:
            raise ExtraMissing((error.name or "transformers").partition(".")[0], "embedded") from error
        prompts, size = self._limits
        return Engine(self.folder, self.name, cached_prompts=prompts, cache_bytes=size, adapter=self.adapter)


def _folder(model: str | Path) -> Path:
    if isinstance(model, Path):
        return model
    if "/" in model or "\\" in model:
        return Path(model).expanduser()
    from foveate import models

    return models.path(model)
