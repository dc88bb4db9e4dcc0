"""judge: can it be answered, and how sure is that? Between what the steps came to and what is said."""

from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.answerability.weighing import Weighed, weigh
from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged
from foveate.agent.nodes.step import OUT_OF_BUDGET
from foveate.agent.outcome import outcome_of
from foveate.agent.state import AgentState

__all__ = ["judge"]

_BY_CODE = frozenset({"count", "most", "least"})
"""What code counted or compared is not weighed: nothing like it was fitted on."""


@staged("judge")
async def judge(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Weigh the evidence where a judge was fitted for these models; choose among options in any case."""
    deps = runtime.context
    reasoner = deps.reasoner.name if deps.reasoner is not None else "none"
    fitted = deps.senses.judge(reasoner) if deps.senses is not None else None
    over = any(answer["problem"] == OUT_OF_BUDGET for answer in state.get("answers", {}).values())
    counted = any(step["kind"] in _BY_CODE for step in state["steps"])
    nothing: AgentState = {"judgement": {}, "choice": None}
    if over or counted or not (state.get("options") or (fitted is not None and _in_words(state, deps))):
        return nothing, {"judged": False}
    weighed = await weigh(state, deps)
    detail: dict[str, Any] = {"judged": fitted is not None, "signals": _rounded(weighed)}
    if weighed.chances:
        detail["options"] = [round(chance, 4) for chance in weighed.chances]
    if fitted is None:
        return {**nothing, "choice": weighed.choice}, detail
    said = fitted.weigh(weighed.signals).to_dict()
    return {"judgement": said, "choice": weighed.choice}, detail | said


def _in_words(state: AgentState, deps: Deps) -> bool:
    """Whether the best evidence is text, or the question brings a picture: what the judge was fitted on.

    A picture of the collection as the answer ("which photo shows a red kite?") says nothing that a reader could copy.
    """
    quotes = outcome_of(state).quotes
    best = deps.chunks([quotes[0]["chunk_id"]]) if quotes else []
    return bool(state.get("images")) or not best or best[0].kind == "document"


def _rounded(weighed: Weighed) -> dict[str, float]:
    return {name: round(value, 4) for name, value in weighed.signals.items()}
