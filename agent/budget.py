"""Is there anything left to spend?"""

import time

from foveate.agent.state import AgentState
from foveate.settings import Budget

__all__ = ["seconds_left", "spent"]


def seconds_left(state: AgentState, budget: Budget) -> float:
    """Seconds until this question's time is over; below 0 when it is."""
    return budget.seconds - (time.monotonic() - state["started_s"])


def spent(state: AgentState, budget: Budget) -> bool:
    """True when no further hop may start."""
    return state["hop"] >= budget.hops or seconds_left(state, budget) <= 0
