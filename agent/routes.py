"""Where to go next: pure functions of the state."""

from typing import Literal

from foveate.agent.state import AgentState

__all__ = ["after_judge"]


def after_judge(state: AgentState) -> Literal["retrieve", "answer"]:
    """Another hop when the judge asked for one."""
    return "retrieve" if state["again"] else "answer"
