"""What strategies share: results with scores become what was found."""

import time
from collections.abc import Iterable, Mapping, Sequence

from foveate.agent.multihop.protocols import Found, Hop, Tools
from foveate.records import Hit, Result

__all__ = ["best_first", "found_of", "over", "round_of", "scores_of"]


async def scores_of(question: str, results: Sequence[Result], tools: Tools) -> dict[str, float]:
    """Chunk id -> probability of being relevant."""
    return {hit.chunk_id: hit.score for hit in await tools.rerank(question, results)}


def found_of(results: Sequence[Result], scores: Mapping[str, float], *, hop: int) -> tuple[Found, ...]:
    """Results that have a score, best first; what a reranker cut off is left out."""
    return best_first(
        Found(
            chunk=result.chunk,
            score=scores[result.chunk.id],
            hop=hop,
            hits=(*result.hits, Hit(chunk_id=result.chunk.id, score=scores[result.chunk.id], stage="rerank", rank=0)),
        )
        for result in results
        if result.chunk.id in scores
    )


def best_first(found: Iterable[Found]) -> tuple[Found, ...]:
    """Sorted by score, ties by id."""
    return tuple(sorted(found, key=lambda one: (-one.score, one.chunk.id)))


def round_of(queries: Sequence[str], found: Sequence[Found], note: str = "") -> Hop:
    """A round for the trace."""
    return Hop(queries=tuple(queries), found=tuple((one.chunk.id, one.score) for one in found), note=note)


def over(tools: Tools) -> bool:
    """Whether the question's time is over."""
    return time.monotonic() >= tools.deadline_s
