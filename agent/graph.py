"""The graph, and nothing but its wiring.

plan -> retrieve -> rerank -> read -> judge -> answer
^                            |
└────────── again ───────────┘
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from foveate.agent.deps import Deps
from foveate.agent.nodes.answer import answer
from foveate.agent.nodes.judge import judge
from foveate.agent.nodes.plan import plan
from foveate.agent.nodes.read import read
from foveate.agent.nodes.rerank import rerank
from foveate.agent.nodes.retrieve import retrieve
from foveate.agent.routes import after_judge
from foveate.agent.state import AgentState

__all__ = ["build_graph"]


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> CompiledStateGraph[Any, Deps, Any, Any]:
    """Compile the agent's graph."""
    graph = StateGraph(AgentState, context_schema=Deps)
    graph.add_node("plan", plan)
    graph.add_node("retrieve", retrieve)
    graph.add_node("rerank", rerank)
    graph.add_node("read", read)
    graph.add_node("judge", judge)
    graph.add_node("answer", answer)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "retrieve")
    graph.add_edge("retrieve", "rerank")
    graph.add_edge("rerank", "read")
    graph.add_edge("read", "judge")
    graph.add_conditional_edges("judge", after_judge)
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)
