"""The graph, and nothing but its wiring.

plan -> step, step, step -> join -> answer
        ^                    |
        └──── ready now ─────┘

Steps that do not wait for each other run at the same time.
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from foveate.agent.deps import Deps
from foveate.agent.nodes.answer import answer
from foveate.agent.nodes.join import join
from foveate.agent.nodes.plan import plan
from foveate.agent.nodes.step import step
from foveate.agent.routes import next_steps
from foveate.agent.state import AgentState

__all__ = ["build_graph"]


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> CompiledStateGraph[Any, Deps, Any, Any]:
    """Compile the agent's graph."""
    graph = StateGraph(AgentState, context_schema=Deps)
    graph.add_node("plan", plan)
    graph.add_node("step", step)
    graph.add_node("join", join)
    graph.add_node("answer", answer)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", next_steps, ["step", "answer"])
    graph.add_edge("step", "join")
    graph.add_conditional_edges("join", next_steps, ["step", "answer"])
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)
