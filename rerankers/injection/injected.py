"""Choosing an option, or none, by a language model that gets the picture as projected alignment vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, ExtraMissing
from foveate.rerankers.folders import check_folder
from foveate.rerankers.heads import Head
from foveate.rerankers.injection.rows import SUMS, InjectionRow, check_row
from foveate.rerankers.lora.bases import base_digest, base_folder
from foveate.rerankers.worker import Worker
from foveate.usage import Usage

if TYPE_CHECKING:
    from foveate.rerankers.injection.aligned import AlignedModel

__all__ = ["Injected", "InjectedModel"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """What the model chose."""

    probabilities: tuple[float, ...]
    """Of each option; together with ``none`` they add up to 1."""
    none: float
    """That none of the options is right."""
    usage: Usage

    @property
    def choice(self) -> int | None:
        """Place of the likeliest option; None where none is likelier."""
        best = max(range(len(self.probabilities)), key=self.probabilities.__getitem__)
        return best if self.probabilities[best] > self.none else None


class InjectedModel:
    """A frozen model with a trained projector (CLIP-UP, Vardi et al. 2025). Call :meth:`close` when done.

    The language model is loaded at the first call; calls run one after another in a thread of their own.
    """

    def __init__(self, head: Path, *, encoder: str, model: str | Path = "smollm2", rotate: bool = True) -> None:
        """Load a projector that :func:`foveate.rerankers.injection.training.train_injection` made.

        Args:
            head: its file.
            encoder: fingerprint of the encoder that the vectors will be from.
            model: a folder (a ``Path``, or a string with a slash) or the name of a fetched model.
            rotate: average over all rotations of the options, which takes the letters' own share out of the
                choice and costs a pass for each option.

        Raises:
            CallerError: no such file.
            ModelError: damaged, or of another encoder or language model.
        """
        self._folder = model if isinstance(model, Path) else base_folder(model)
        check_folder(self._folder)
        self.head = Head.load(head, kind="injection", encoder=encoder, base=base_digest(self._folder))
        self.name = f"injected:{head.stem}"
        self._rotate = rotate
        self._worker: Worker[AlignedModel] = Worker(self._load, "foveate-injected")

    async def choose(
        self, question: str, options: Sequence[str], vectors: NDArray[np.float32] | None = None
    ) -> Injected:
        """How likely each option is right, and that none is.

        Args:
            question: in words.
            options: 1 to 25 different ones; "None of these" is added.
            vectors: float32 (1 + options, d): picture times question, then picture times each option, number by
                number; None asks the bare model by the same prompt in words alone.

        Raises:
            CallerError: an empty question or option, two options alike, vectors of another shape, or a prompt that
                exceeds the context.
            ModelError: the model gave a number that is none.
        """
        if isinstance(options, str):
            raise CallerError(f"options is the string {options!r:.80}; it must be a sequence of strings")
        dim = self.head.settings["dim"] - SUMS
        rows = np.zeros((len(options) + 1, dim), np.float32) if vectors is None else vectors
        row = InjectionRow(question=question, options=tuple(options), vectors=rows)
        check_row(row, dim)
        found, usage = await self._worker.run(
            lambda model, halted: model.probabilities(
                row, vectors=vectors is not None, rotate=self._rotate, halted=halted
            )
        )
        *chances, none = found.tolist()
        return Injected(probabilities=tuple(chances), none=none, usage=usage)

    def close(self) -> None:
        """Wait for the running call, drop those that wait, free the model."""
        self._worker.close()

    def _load(self) -> "AlignedModel":
        try:
            from foveate.rerankers.engine import Engine
            from foveate.rerankers.injection.aligned import AlignedModel
            from foveate.rerankers.projector import projector_of
        except ModuleNotFoundError as error:
            raise ExtraMissing((error.name or "transformers").partition(".")[0], "embedded") from error
        engine = Engine(self._folder, self._folder.name, cached_prompts=0, cache_bytes=0)
        return AlignedModel(engine, projector_of(self.head.settings, self.head.tensors))
