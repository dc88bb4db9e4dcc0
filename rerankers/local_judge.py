"""Yes/no judgements in this process, with an adapter where there is one."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from foveate.errors import CallerError
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import Judgement, Message

__all__ = ["LocalJudge"]


class LocalJudge:
    """A ``YesNoModel`` over transformers: text only, float32 on the CPU, loaded at the first judgement.

    The reference that served models are compared with. Prompts that begin alike, as all candidates of one question do,
    are computed from where they part; the ends go through the model in batches of similar length. Log-probabilities
    are over the whole vocabulary and sum all spellings of an answer.
    """

    sees = False

    def __init__(self, model: str | Path | LocalChat = "smollm2", adapter: str | Path | None = None) -> None:
        """Find the folders and check that they are safe to load.

        Args:
            model: a folder, the name of a fetched model, or a chat model whose weights and kept prompts are shared.
            adapter: a folder with a LoRA adapter for this very model.

        Raises:
            CallerError: no such folder, or an adapter for a chat model that is already made.
            ModelMissing: never fetched; names the command that gets it.
            ModelError: unsafe or damaged files, or an adapter for another model.
        """
        if isinstance(model, LocalChat):
            if adapter is not None:
                raise CallerError(
                    f"adapter is {str(adapter)!r}; give it to LocalChat({model.name!r}, adapter=...) instead"
                )
            self.chat = model
        else:
            self.chat = LocalChat(model, adapter=None if adapter is None else Path(adapter).expanduser())
        self._own = not isinstance(model, LocalChat)

    @property
    def name(self) -> str:
        """Model, and adapter where there is one."""
        return self.chat.name

    def __repr__(self) -> str:
        return f"LocalJudge({self.name!r})"

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """One judgement a prompt, in order. A cancelled call stops before its next batch.

        Raises:
            CallerError: a prompt carries pictures, or exceeds the context.
            ModelError: the tokenizer has no tokens for yes and no, or the weights give no numbers.
        """
        return await self.chat.judge(prompts)

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of ``text``: at most ``tokens`` tokens, the whole text where it fits."""
        return self._cutter(text, tokens)

    async def load(self) -> None:
        """Load now rather than at the first judgement."""
        await self.chat.load()

    def close(self) -> None:
        """Wait for the running call and free the model, unless it is a chat model that was given."""
        if self._own:
            self.chat.close()

    @cached_property
    def _cutter(self) -> TokenCutter:
        return TokenCutter(self.chat.folder)
