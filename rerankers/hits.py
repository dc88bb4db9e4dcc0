"""From scores to hits: the one place where rerankers sort, so that all break ties alike and none passes a NaN on."""

import math
from collections.abc import Iterable, Sequence

from foveate.errors import CallerError, FoveateError, ModelError
from foveate.records import Hit, Result

__all__ = ["check_distinct", "ranked"]


def check_distinct(results: Sequence[Result]) -> None:
    """Refuse a pool that holds a chunk twice: its two scores could not be told apart afterwards.

    Raises:
        CallerError: names the id and both places.
    """
    seen: dict[str, int] = {}
    for place, result in enumerate(results):
        first = seen.setdefault(result.chunk.id, place)
        if first != place:
            raise CallerError(
                f"results hold chunk {result.chunk.id!r} twice, at places {first} and {place}; each may come once"
            )


def ranked(scored: Iterable[tuple[str, float]], *, by: str, fault: type[FoveateError] = ModelError) -> list[Hit]:
    """Hits of stage ``rerank``, best first, ties by id, ranks from 0.

    Args:
        scored: (chunk id, score) pairs in any order.
        by: name of the reranker, for the message.
        fault: what to raise for a score that is no number; ``ServiceError`` where a server gave it.

    Raises:
        FoveateError: ``fault``, for a score that is NaN or infinite.
    """
    pairs = [(str(name), float(score)) for name, score in scored]
    for name, score in pairs:
        if not math.isfinite(score):
            raise fault(f"reranker {by!r} gave chunk {name!r} the score {score}; scores must be finite numbers")
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    return [Hit(chunk_id=name, score=score, stage="rerank", rank=rank) for rank, (name, score) in enumerate(pairs)]
