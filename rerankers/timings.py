"""What a call of a reranker costs beside another on the same pool: seconds and tokens."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foveate.errors import CallerError
from foveate.records import Result
from foveate.rerankers.metered import Metered
from foveate.rerankers.protocols import Reranker
from foveate.usage import Usage

__all__ = ["Timing", "timings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Means over the timed calls of one reranker; ``str`` gives one line to print."""

    name: str
    candidates: int
    seconds: float
    """Wall time of a call."""
    tokens_in: float
    tokens_cached: float
    tokens_out: float
    """Tokens of a call; all three are 0 where a reranker spends none."""

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.candidates} candidates in {self.seconds:.3f} s, "
            f"{self.tokens_in:.0f} tokens in ({self.tokens_cached:.0f} cached), {self.tokens_out:.0f} out"
        )


async def timings(
    rerankers: Mapping[str, Reranker], questions: Sequence[str], results: Sequence[Result]
) -> list[Timing]:
    """Time rerankers one after another on the same pool.

    Args:
        rerankers: by the name they get.
        questions: the first is asked untimed, so that models are loaded; each of the others once, since a prompt
            asked again would come from a cache.
        results: the pool.

    Raises:
        CallerError: fewer than two questions, or two alike.
    """
    if len(questions) < 2 or len(set(questions)) < len(questions):
        raise CallerError(f"timings need 2 different questions or more, got {list(questions)!r:.200}")
    made = []
    for name, reranker in rerankers.items():
        await reranker.rerank(questions[0], results)
        before, started = _usage(reranker), time.perf_counter()
        for question in questions[1:]:
            await reranker.rerank(question, results)
        seconds, after, calls = time.perf_counter() - started, _usage(reranker), len(questions) - 1
        made.append(
            Timing(
                name=name,
                candidates=len(results),
                seconds=seconds / calls,
                tokens_in=(after.tokens_in - before.tokens_in) / calls,
                tokens_cached=(after.tokens_cached - before.tokens_cached) / calls,
                tokens_out=(after.tokens_out - before.tokens_out) / calls,
            )
        )
    return made


def _usage(reranker: Reranker) -> Usage:
    return reranker.usage if isinstance(reranker, Metered) else Usage()
