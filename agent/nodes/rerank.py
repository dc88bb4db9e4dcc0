"""rerank: each candidate gets a probability of being relevant; the improbable are dropped."""

import asyncio
from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged
from foveate.agent.showing import part_of
from foveate.agent.state import AgentState, EvidenceRef
from foveate.records import Chunk, Hit, Result
from foveate.rerankers.sentences import statements

__all__ = ["rerank"]

_DERIVED = 0.8
"""Weight of a score against a query that a hop made up: it rests on what that hop believed."""


@staged("rerank")
async def rerank(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Score every candidate against the question and all that was searched; its best score counts.

    Chunks of earlier hops are scored again: what said nothing about the question may answer what a hop found out.
    """
    deps = runtime.context
    chunks = {chunk.id: chunk for chunk in deps.chunks([ref["chunk_id"] for ref in state["evidence"]])}
    results = [_result(ref, chunks[ref["chunk_id"]]) for ref in state["evidence"] if ref["chunk_id"] in chunks]
    asked = {state["question"], *(step["query"] for step in state["steps"])}
    best: dict[str, float] = {}
    pictures = await asyncio.to_thread(lambda: [part_of(deps.load(path)) for path in state.get("images", ())])
    for query in dict.fromkeys([state["question"], *state["searched"]]):
        weight = 1.0 if query in asked else _DERIVED
        # A chunk that a query quotes would find itself in it, whatever it says of the question.
        others = [item for item in results if query in asked or not _quoted(item.chunk, query)]
        shown = pictures if query == state["question"] else ()
        for hit in await deps.reranker.rerank(query, others, images=shown) if others else []:
            best[hit.chunk_id] = max(best.get(hit.chunk_id, 0.0), weight * hit.score)
    scored = [_scored(ref, best[ref["chunk_id"]]) for ref in state["evidence"] if ref["chunk_id"] in best]
    evidence = sorted(scored, key=lambda ref: (-ref["score"], ref["chunk_id"]))[: deps.budget.candidates]
    top = [{"chunk_id": ref["chunk_id"], "score": round(ref["score"], 4)} for ref in evidence[:10]]
    return {"evidence": evidence}, {"reranker": deps.reranker.name, "scored": len(scored), "top": top}


def _quoted(chunk: Chunk, query: str) -> bool:
    words = " ".join((chunk.text or "").split())
    return any(" ".join(words[span.start : span.end].split()) in query for span in statements(words))


def _result(ref: EvidenceRef, chunk: Chunk) -> Result:
    hits = tuple(
        Hit(chunk_id=chunk.id, score=score, stage=stage, rank=int(rank))
        for stage, (score, rank) in ref["stages"].items()
        if stage != "rerank"
    )
    return Result(chunk=chunk, score=ref["score"], hits=hits)


def _scored(ref: EvidenceRef, score: float) -> EvidenceRef:
    return EvidenceRef(
        chunk_id=ref["chunk_id"], score=score, stages={**ref["stages"], "rerank": [score, 0.0]}, hop=ref["hop"]
    )
