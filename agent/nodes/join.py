"""join: all steps of this round are done; a plan that cannot go on is given up for the question itself, once."""

from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.nodes.step import OUT_OF_BUDGET
from foveate.agent.routes import next_steps, plan_of
from foveate.agent.state import AgentState

__all__ = ["join"]


async def join(state: AgentState, runtime: Runtime[Deps]) -> AgentState:
    """Nothing to do while steps can be taken, or once the last one has an answer."""
    plan = plan_of(state)
    whole = state["whole"]
    answers = state.get("answers", {})
    stuck = [step for step in plan.steps if str(step.id) not in answers or not answers[str(step.id)]["text"]]
    over = any(answer["problem"] == OUT_OF_BUDGET for answer in answers.values())
    chained = any(step.after for step in plan.steps)
    if not stuck or over or not chained or next_steps(state) != "judge":
        return {}
    if any(step.get("instead") for step in state["steps"]):
        return {}
    number = max(step.id for step in plan.steps) + 1
    # With a picture, words alone would find what anybody has of that kind, and answer from it.
    kind = "picture" if state.get("images") else "any"
    return {"steps": [*state["steps"], {"id": number, "kind": kind, "query": whole, "after": [], "instead": True}]}
