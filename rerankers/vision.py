"""Yes/no judgements of a model that sees, in this process."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.errors import CallerError, ExtraMissing
from foveate.rerankers.checks import check_messages
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.folders import check_folder
from foveate.rerankers.protocols import Judgement, Message
from foveate.rerankers.worker import Worker

if TYPE_CHECKING:
    from foveate.rerankers.vision_engine import VisionEngine

__all__ = ["VisionJudge"]


class VisionJudge:
    """A ``YesNoModel`` over an image-text model of transformers, float32 on the CPU, loaded at the first judgement.

    Pictures of the question and of the candidate stand in one prompt, after its words. The reference for served models
    that see; unlike :class:`LocalJudge` it computes each prompt from its beginning.
    """

    sees = True

    def __init__(self, model: str | Path, adapter: str | Path | None = None, *, longest_px: int = 1024) -> None:
        """Find the folders and check that they are safe to load.

        Args:
            model: a folder with weights, processor and chat template.
            adapter: a folder with a LoRA adapter for this very model.
            longest_px: pictures are scaled down to this before the processor gets them.

        Raises:
            CallerError: no such folder, or ``longest_px`` is too small.
            ModelError: unsafe or damaged files, or an adapter for another model.
        """
        if longest_px < 1:
            raise CallerError(f"longest_px is {longest_px!r}; allowed are whole numbers from 1")
        self.folder = Path(model).expanduser()
        check_folder(self.folder)
        self.name = self.folder.absolute().name
        self._adapter = None if adapter is None else Path(adapter).expanduser()
        if self._adapter is not None:
            from foveate.rerankers.lora.adapters import check_adapter

            self.name += f"+{check_adapter(self._adapter, self.folder).name}"
        self._longest_px = longest_px
        self._worker = Worker(self._load, "foveate-vision")

    def __repr__(self) -> str:
        return f"VisionJudge({self.name!r}, {'loaded' if self._worker.loaded else 'not loaded'})"

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """One judgement a prompt, in order. A cancelled call stops before its next few prompts.

        Raises:
            CallerError: a prompt exceeds the context, or its roles do not fit the chat template.
            MediaError: a picture is damaged, too large or too small.
            ModelError: the folder holds no model that sees, or the weights give no numbers.
        """
        for messages in prompts:
            check_messages(messages, name=self.name, sees=self.sees)
        if not prompts:
            return []
        return await self._worker.run(lambda engine, halted: engine.judge(prompts, halted))

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of ``text``: at most ``tokens`` tokens, the whole text where it fits."""
        return self._cutter(text, tokens)

    async def load(self) -> None:
        """Load now rather than at the first judgement."""
        await self._worker.run(lambda engine, halted: None)

    def close(self) -> None:
        """Wait for the running call, drop those that wait, free the model."""
        self._worker.close()

    @cached_property
    def _cutter(self) -> TokenCutter:
        return TokenCutter(self.folder)

    def _load(self) -> "VisionEngine":
        try:
            from foveate.rerankers.vision_engine import VisionEngine
        except ModuleNotFoundError as error:
            raise ExtraMissing((error.name or "transformers").partition(".")[0], "embedded") from error
        return VisionEngine(self.folder, self.name, longest_px=self._longest_px, adapter=self._adapter)
