"""What every node does besides its work: measure itself, tell the caller, leave a trace."""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Literal

from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.events import Stage
from foveate.agent.state import AgentState
from foveate.usage import Usage

__all__ = ["staged", "usage_of"]

Name = Literal["plan", "retrieve", "rerank", "read", "judge", "answer"]
Work = Callable[[AgentState, Runtime[Deps]], Awaitable[tuple[AgentState, dict[str, Any]]]]
Node = Callable[..., Awaitable[AgentState]]


def usage_of(state: AgentState) -> Usage:
    """What the question has cost so far."""
    return Usage(**state.get("usage", {}))


def staged(name: Name) -> Callable[[Work], Node]:
    """Turn ``work -> (update, detail)`` into a node: the detail goes to the trace and, as an event, to the caller."""

    def wrap(work: Work) -> Node:
        @wraps(work)
        async def node(state: AgentState, runtime: Runtime[Deps]) -> AgentState:
            start = time.perf_counter()
            update, detail = await work(state, runtime)
            seconds = time.perf_counter() - start
            now: AgentState = {**state, **update}
            usage = usage_of(now) + Usage(seconds={name: seconds})
            update["usage"] = usage.to_dict() | {"seconds": dict(usage.seconds)}
            event = {"stage": name, "hop": now["hop"], "seconds": round(seconds, 4), **detail}
            update["trace"] = [*now["trace"], event]
            runtime.context.emit(Stage(name=name, detail=detail, seconds=seconds))
            return update

        return node

    return wrap
