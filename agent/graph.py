"""The graph, and nothing but its wiring.

plan -> step, step, step -> join -> judge -> answer
        ^                    |
        └──── ready now ─────┘

Steps that do not wait for each other run at the same time.
"""

from collections.abc import Hashable
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from foveate.agent.deps import Deps
from foveate.agent.nodes.answer import answer
from foveate.agent.nodes.join import join
from foveate.agent.nodes.judge import judge
from foveate.agent.nodes.plan import plan
from foveate.agent.nodes.step import step
from foveate.agent.routes import next_steps
from foveate.agent.state import AgentState

__all__ = ["build_graph"]


def build_graph(
    checkpointer: BaseCheckpointSaver[Any] | None = None, *, judged: bool = True
) -> CompiledStateGraph[Any, Deps, Any, Any]:
    """Compile the agent's graph.

    Args:
        checkpointer: keeps threads.
        judged: False ends where the judge would begin, for what weighs the same evidence in other ways.
    """
    graph = StateGraph(AgentState, context_schema=Deps)
    graph.add_node("plan", plan)
    graph.add_node("step", step)
    graph.add_node("join", join)
    graph.add_node("judge", judge)
    graph.add_node("answer", answer)
    graph.add_edge(START, "plan")
    onward: dict[Hashable, str] = {"step": "step", "judge": "judge" if judged else END}
    graph.add_conditional_edges("plan", next_steps, onward)
    graph.add_edge("step", "join")
    graph.add_conditional_edges("join", next_steps, onward)
    graph.add_edge("judge", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)
