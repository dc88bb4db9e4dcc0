"""Rerankers whose scores are written down: what stands around a reranker is tested with them."""

from collections.abc import Mapping, Sequence

from foveate.ids import digest
from foveate.records import Hit, Result
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.protocols import ImagePart


class Table:
    """Looks scores up by the name a result was made of; notes whom it judged, call by call."""

    def __init__(self, name: str, scores: Mapping[str, float]) -> None:
        self.name = name
        self.scores = {digest(key): value for key, value in scores.items()}
        self.judged: list[list[str]] = []

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        check_distinct(results)
        self.judged.append([one.chunk.id for one in results])
        known = [one.chunk.id for one in results if one.chunk.id in self.scores]
        return ranked([(name, self.scores[name]) for name in known], by=self.name)
