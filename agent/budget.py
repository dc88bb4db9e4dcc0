"""Is there anything left to spend?"""

import time

from foveate.settings import Budget

__all__ = ["deadline", "rounds", "seconds_left"]


def seconds_left(started_s: float, budget: Budget) -> float:
    """Seconds until this question's time is over; below 0 when it is."""
    return deadline(started_s, budget) - time.monotonic()


def deadline(started_s: float, budget: Budget) -> float:
    """``time.monotonic()`` at which it is over."""
    return started_s + budget.seconds


def rounds(budget: Budget, used: int, after: int, *, alone: bool) -> int:
    """Rounds of retrieval that a step may take; 0 when it must not start.

    Args:
        budget: of the question.
        used: rounds before it, along its chain.
        after: steps that wait for it, one after the other, and want one round each.
        alone: it is the whole question; a step of a chain was made to need one look.
    """
    if used >= budget.hops:
        return 0
    return max(1, min(budget.step_hops if alone else 1, budget.hops - used - after))
