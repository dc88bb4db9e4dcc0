"""What strategies share: results with scores become what was found."""

import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence

from foveate.agent.multihop.protocols import Found, Hop, Tools
from foveate.records import Hit, Result

__all__ = ["best_first", "found_of", "over", "round_of", "scores_of"]


_IDENTIFIER = re.compile(r"(?<!\w)[+.]?\w*\d[\w.,:/-]*\w|(?<!\w)[+.]?\d|(?<!\w)\.[a-z]\w+")
"""Numbers, codes, dates, domains: ``+679``, ``A-113``, ``.fj``. Vectors of words hardly tell one from another."""
_WITHOUT = math.log(20.0)
"""Taken from the log-odds of a chunk that lacks an identifier which another candidate holds."""


async def scores_of(question: str, results: Sequence[Result], tools: Tools) -> dict[str, float]:
    """Chunk id -> probability of being relevant.

    Where the question names identifiers and some candidates hold them, those that do not lose.
    """
    scores = {hit.chunk_id: hit.score for hit in await tools.rerank(question, results)}
    wanted = [re.compile(rf"(?<![\w+.]){re.escape(one)}(?!\w)") for one in _IDENTIFIER.findall(question)]
    texts = {one.chunk.id: f"{one.chunk.title or ''} {one.chunk.text or ''}" for one in results}
    held = {name: sum(bool(pattern.search(texts[name])) for pattern in wanted) for name in scores}
    most = max(held.values(), default=0)
    return {name: score if held[name] == most else _less(score) for name, score in scores.items()}


def _less(score: float) -> float:
    if not 0.0 < score < 1.0:
        return score if score <= 0.0 else 1.0 / (1.0 + math.exp(_WITHOUT - 20.0))
    return 1.0 / (1.0 + math.exp(_WITHOUT - math.log(score / (1.0 - score))))


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
