"""All candidates in one short prompt, a token each, and an answer that can only name them (PE-Rank, Liu et al. 2024).

Where a passage of a hundred words takes a listwise reranker about 130 tokens to read and 4 to name, here it takes one
and one. For language models in this process.
"""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.errors import CallerError, ExtraMissing
from foveate.records import Hit, Result
from foveate.rerankers.encoded import EncodesText, encoded
from foveate.rerankers.folders import check_folder
from foveate.rerankers.heads import Head
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.lora.bases import base_digest, base_folder
from foveate.rerankers.metered import Metered
from foveate.rerankers.orders import first_stage, place_scores
from foveate.rerankers.protocols import Candidate, ImagePart, Present
from foveate.rerankers.shown import present_all
from foveate.usage import Usage

if TYPE_CHECKING:
    from foveate.rerankers.projector import CompressedModel

__all__ = ["CompressedListwise"]


class CompressedListwise(Metered):
    """Ranks the first ``top`` candidates of the first stage in one pass; the rest follow in their order.

    Scores are places, from 1 down by even steps: they say who is before whom, not how relevant anybody is.
    """

    def __init__(
        self, head: Path, encoder: EncodesText, present: Present, *, model: str | Path = "smollm2", top: int = 50
    ) -> None:
        """Load a projector that :func:`foveate.rerankers.compressed_training.train_compressed` wrote.

        The language model itself is loaded at the first call.

        Args:
            head: the projector's file.
            encoder: the one it was trained with.
            present: what is encoded of a result; only the text of it.
            model: a folder (a ``Path``, or a string with a slash) or the name of a fetched model.
            top: how many candidates are ranked; each takes two tokens of the model's context.

        Raises:
            CallerError: no such file, or a bad ``top``.
            ModelError: damaged, or of another encoder or language model.
        """
        super().__init__()
        if top < 2:
            raise CallerError(f"top is {top!r}; allowed are whole numbers from 2")
        self._folder = model if isinstance(model, Path) else base_folder(model)
        check_folder(self._folder)
        self.head = Head.load(head, kind="compressed", encoder=encoder.fingerprint, base=base_digest(self._folder))
        self.name = f"compressed:{head.stem}"
        self._encoder = encoder
        self._present = present
        self._top = top
        self._model: CompressedModel | None = None
        # One thread for all calls is the lock, too.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="foveate-compressed")

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits, best first. Pictures of the question and of candidates are not looked at.

        Raises:
            CallerError: a chunk stands twice among the results, or the question exceeds the model's context.
            ModelError: encoder or model gave numbers that are none.
        """
        check_distinct(results)
        pool = first_stage(results)
        names = [one.chunk.id for one in pool]
        if len(pool) > 1:
            shown = await present_all(self._present, pool[: self._top])
            order, usage = await self._run(question, shown)
            self._spend(usage)
            names[: len(shown)] = [shown[at].id for at in order]
        return ranked(zip(names, place_scores(len(names)), strict=True), by=self.name)

    def close(self) -> None:
        """Wait for the running call, drop those that wait, free the model."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._model = None

    async def _run(self, question: str, shown: Sequence[Candidate]) -> tuple[list[int], Usage]:
        halt = threading.Event()

        def job() -> tuple[list[int], Usage]:
            rows = encoded(self._encoder, [question, *(one.text for one in shown)])
            return self._loaded().order(question, rows[0], rows[1:], halt.is_set)

        future = self._worker.submit(job)
        try:
            return await asyncio.wrap_future(future)
        finally:
            # Only a cancelled call is still running here; it sees the flag before its next step.
            halt.set()

    def _loaded(self) -> "CompressedModel":
        if self._model is None:
            try:
                from foveate.rerankers.engine import Engine
                from foveate.rerankers.projector import CompressedModel, projector_of
            except ModuleNotFoundError as error:
                raise ExtraMissing((error.name or "transformers").partition(".")[0], "embedded") from error
            engine = Engine(self._folder, self._folder.name, cached_prompts=0, cache_bytes=0)
            self._model = CompressedModel(engine, projector_of(self.head.settings, self.head.tensors))
        return self._model
