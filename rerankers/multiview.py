"""Several views of each candidate, scored in one step by anchors that look at all of them (MVP, Na et al. 2025)."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.errors import ExtraMissing
from foveate.records import Hit, Result
from foveate.rerankers.encoded import EncodesText, encoded
from foveate.rerankers.heads import Head
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.metered import Metered
from foveate.rerankers.protocols import Candidate, ImagePart, Present
from foveate.rerankers.shown import present_all

if TYPE_CHECKING:
    from foveate.rerankers.views import ViewsNetwork

__all__ = ["MultiViewReranker"]


class MultiViewReranker(Metered):
    """A trained head over an encoder's vectors of question and candidates; no language model is asked, no token spent.

    A score is ListNet's top-one probability: the chance of being the best *of this list*. It says nothing of whether
    anything in the list is relevant, and changes with the company.
    """

    def __init__(self, head: Path, encoder: EncodesText, present: Present) -> None:
        """Load a head that :func:`foveate.rerankers.multiview_training.train_multiview` wrote.

        Args:
            head: its file.
            encoder: the one it was trained with.
            present: what is encoded of a result; only the text of it.

        Raises:
            CallerError: no such file.
            ModelError: damaged, or of another encoder.
        """
        super().__init__()
        self.head = Head.load(head, kind="multiview", encoder=encoder.fingerprint)
        self.name = f"multiview:{head.stem}"
        self._network = _network(self.head)
        self._encoder = encoder
        self._present = present

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits, best first. Pictures of the question and of candidates are not looked at.

        Raises:
            CallerError: a chunk stands twice among the results.
            ModelError: the encoder gave numbers that are none.
        """
        check_distinct(results)
        # Sums of floats depend on their order in the last digits: by id, every input order gives the same bits.
        pool = await present_all(self._present, sorted(results, key=lambda one: one.chunk.id))
        if not pool:
            return []
        scores = await asyncio.to_thread(self._scores, question, pool)
        return ranked(zip([one.id for one in pool], scores, strict=True), by=self.name)

    def _scores(self, question: str, pool: Sequence[Candidate]) -> list[float]:
        import torch

        rows = torch.from_numpy(encoded(self._encoder, [question, *(one.text for one in pool)]))  # [1 + n, d]
        with torch.inference_mode():
            scores, _ = self._network(rows[:1], rows[None, 1:], torch.ones(1, len(pool), dtype=torch.bool))
            shares: list[float] = scores[0].double().softmax(0).tolist()
        return shares


def _network(head: Head) -> "ViewsNetwork":
    try:
        from foveate.rerankers.views import network_of
    except ModuleNotFoundError as error:
        raise ExtraMissing((error.name or "torch").partition(".")[0], "embedded") from error
    return network_of(head.settings, head.tensors)
