"""What every node does besides its work: measure itself, tell the caller, leave a trace."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from foveate.agent.deps import Deps
from foveate.agent.events import Stage, StageName
from foveate.agent.state import AgentState
from foveate.usage import Usage

__all__ = ["Log", "staged", "usage_dict"]

Work = Callable[[AgentState, Runtime[Deps]], Awaitable[tuple[AgentState, dict[str, Any]]]]
Node = Callable[..., Awaitable[AgentState]]


class Log:
    """The trace and the seconds of one piece of work, told to the caller as they come."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self.trace: list[dict[str, Any]] = []
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: StageName) -> Iterator[dict[str, Any]]:
        """Measure what is done inside; what it puts into the mapping is the stage's detail."""
        detail: dict[str, Any] = {}
        start = time.perf_counter()
        yield detail
        seconds = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.trace.append({"stage": name, "seconds": round(seconds, 4), **detail})
        self._deps.emit(Stage(name=name, detail=detail, seconds=seconds))

    def usage(self, spent: Usage) -> dict[str, Any]:
        """``spent`` with the seconds of all stages, as state holds it."""
        return usage_dict(spent + Usage(seconds=self.seconds))


def usage_dict(usage: Usage) -> dict[str, Any]:
    """As state holds it: seconds not rounded, since they are still to be added up."""
    return usage.to_dict() | {"seconds": dict(usage.seconds), "seconds_saved": usage.seconds_saved}


def staged(name: StageName, *, first: bool = False) -> Callable[[Work], Node]:
    """Turn ``work -> (update, detail)`` into a node: the detail goes to the trace and, as an event, to the caller.

    Args:
        name: of the stage.
        first: what an earlier question of the thread cost and left in its trace is dropped, not added to.
    """

    def wrap(work: Work) -> Node:
        @wraps(work)
        async def node(state: AgentState, runtime: Runtime[Deps]) -> AgentState:
            log = Log(runtime.context)
            with log.stage(name) as detail:
                update, found = await work(state, runtime)
                detail.update(found)
            usage = log.usage(Usage(**update.get("usage", {})))
            update["usage"] = Overwrite(usage) if first else usage  # type: ignore[typeddict-item]
            update["trace"] = Overwrite(log.trace) if first else log.trace  # type: ignore[typeddict-item]
            return update

        return node

    return wrap
