"""retrieve: every pending query is searched; each stage's hits are kept beside each other."""

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged, usage_of
from foveate.agent.state import AgentState, EvidenceRef
from foveate.memory.filters import Filter, parse
from foveate.records import Result
from foveate.retrievers.search import SearchQuery
from foveate.usage import Usage

__all__ = ["retrieve"]

_KIND = {"image": "kind:image", "film": "kind:film"}


@staged("retrieve")
async def retrieve(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Search for each query of this hop; chunks known from an earlier hop keep their scores."""
    deps = runtime.context
    modalities = {step["query"]: step["modality"] for step in state["steps"]}
    # A query that a hop made up serves the whole question, hence keeps what all its steps agree on.
    common = state["steps"][0]["modality"] if len(set(modalities.values())) == 1 else "any"
    images = tuple(deps.load(path) for path in state.get("images", []))
    hop = state["hop"] + 1
    found: dict[str, EvidenceRef] = {ref["chunk_id"]: ref for ref in state["evidence"]}
    detail: list[dict[str, Any]] = []
    for query in state["queries"]:
        request = SearchQuery(
            text=query,
            images=images,
            where=_where(state.get("filters", ""), modalities.get(query, common)),
            k=deps.budget.candidates,
        )
        # Search holds a processor for tens of milliseconds: the event loop must stay free for other questions.
        results = await asyncio.to_thread(deps.searcher.search, request)
        for result in results:
            found.setdefault(result.chunk.id, _reference(result, hop))
        detail.append({"query": query, "hits": [_brief(result) for result in results[:10]]})
    update: AgentState = {
        "hop": hop,
        "evidence": list(found.values()),
        "searched": [*state["searched"], *state["queries"]],
        "queries": [],
        "usage": (usage_of(state) + Usage(hops=1)).to_dict(),
    }
    return update, {"searches": detail}


def _where(filters: str, modality: str) -> Filter | None:
    text = " ".join(filter(None, (filters, _KIND.get(modality, ""))))
    return parse(text) if text else None


def _reference(result: Result, hop: int) -> EvidenceRef:
    stages = {hit.stage: [hit.score, float(hit.rank)] for hit in result.hits}
    return EvidenceRef(chunk_id=result.chunk.id, score=0.0, stages=stages, hop=hop)


def _brief(result: Result) -> dict[str, Any]:
    return {
        "chunk_id": result.chunk.id,
        "path": result.chunk.path,
        "score": round(result.score, 5),
        "stages": {hit.stage: round(hit.score, 4) for hit in result.hits},
    }
