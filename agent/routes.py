"""Where to go next: pure functions of the state."""

from typing import Any

from langgraph.types import Send

from foveate.agent.state import AgentState, StepState
from foveate.rerankers.reasoning.plans import Plan, Step, fill, ready

__all__ = ["next_steps", "plan_of", "waiting"]


def plan_of(state: AgentState) -> Plan:
    """The plan that a state holds."""
    return Plan(
        steps=tuple(
            Step(id=step["id"], kind=step["kind"], query=step["query"], after=tuple(step["after"]))
            for step in state["steps"]
        )
    )


def next_steps(state: AgentState) -> list[Send] | str:
    """Every step that can be taken now, side by side; the judge when there is none."""
    plan = plan_of(state)
    taken = state.get("answers", {})
    answers = {int(name): answer["text"] for name, answer in taken.items()}
    # A step whose ground is missing cannot be asked.
    usable = {step: text for step, text in answers.items() if text}
    steps = [step for step in ready(plan, answers) if all(need in usable for need in step.after)]
    sends = [Send("step", _sent(state, plan, step, usable)) for step in steps]
    return sends or "judge"


def _sent(state: AgentState, plan: Plan, step: Step, answers: dict[int, str]) -> StepState:
    taken = state.get("answers", {})
    body: dict[str, Any] = {
        "id": step.id,
        "kind": step.kind,
        "query": step.query,
        "after": list(step.after),
    }
    return StepState(
        question=state["question"],
        images=state.get("images", []),
        filters=state.get("filters", ""),
        started_s=state["started_s"],
        step=body,
        query=fill(step.query, answers),
        options=[answers[need] for need in step.after],
        used=max((taken[str(need)]["rounds"] for need in _before(state, step)), default=0),
        after=waiting(plan, step.id),
        alone=not any(one.after for one in plan.steps) or _instead(state, step.id),
    )


def _before(state: AgentState, step: Step) -> list[int]:
    """Steps whose rounds count: those it needs; of the one taken when the plan failed, all."""
    return [int(name) for name in state.get("answers", {})] if _instead(state, step.id) else list(step.after)


def _instead(state: AgentState, number: int) -> bool:
    return any(step["id"] == number and step.get("instead") for step in state["steps"])


def waiting(plan: Plan, step: int) -> int:
    """Length of the longest chain of steps that wait for this one."""
    depth: dict[int, int] = {}
    for one in reversed(plan.steps):
        depth[one.id] = max((1 + depth[later.id] for later in plan.steps if one.id in later.after), default=0)
    return depth[step]
