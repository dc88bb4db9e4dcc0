"""rerank: each candidate gets a probability of being relevant; the improbable are dropped."""

from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged
from foveate.agent.state import AgentState, EvidenceRef
from foveate.records import Chunk, Hit, Result

__all__ = ["rerank"]


@staged("rerank")
async def rerank(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Score what this hop brought; a chunk is worth what its best question makes of it."""
    deps = runtime.context
    fresh = [ref for ref in state["evidence"] if "rerank" not in ref["stages"]]
    chunks = {chunk.id: chunk for chunk in deps.chunks([ref["chunk_id"] for ref in fresh])}
    results = [_result(ref, chunks[ref["chunk_id"]]) for ref in fresh if ref["chunk_id"] in chunks]
    best: dict[str, float] = {}
    for query in dict.fromkeys([state["question"], *(step["query"] for step in state["steps"]), *state["searched"]]):
        for hit in await deps.reranker.rerank(query, results) if results else []:
            best[hit.chunk_id] = max(best.get(hit.chunk_id, 0.0), hit.score)
    kept = [ref for ref in state["evidence"] if "rerank" in ref["stages"]]
    scored = [_scored(ref, best[ref["chunk_id"]]) for ref in fresh if ref["chunk_id"] in best]
    evidence = sorted([*kept, *scored], key=lambda ref: (-ref["score"], ref["chunk_id"]))
    update: AgentState = {"evidence": evidence[: deps.budget.candidates]}
    top = [{"chunk_id": ref["chunk_id"], "score": round(ref["score"], 4)} for ref in evidence[:10]]
    return update, {"reranker": deps.reranker.name, "scored": len(scored), "top": top}


def _result(ref: EvidenceRef, chunk: Chunk) -> Result:
    hits = tuple(
        Hit(chunk_id=chunk.id, score=score, stage=stage, rank=int(rank))
        for stage, (score, rank) in ref["stages"].items()
    )
    return Result(chunk=chunk, score=ref["score"], hits=hits)


def _scored(ref: EvidenceRef, score: float) -> EvidenceRef:
    return EvidenceRef(
        chunk_id=ref["chunk_id"], score=score, stages={**ref["stages"], "rerank": [score, 0.0]}, hop=ref["hop"]
    )
