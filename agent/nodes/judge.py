"""judge: enough evidence, look again, or abstain."""

from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.budget import seconds_left, spent
from foveate.agent.citations import quote_text
from foveate.agent.deps import Deps
from foveate.agent.nodes.read import RELEVANT
from foveate.agent.nodes.stage import staged
from foveate.agent.state import AgentState
from foveate.rerankers.sentences import content_words, coverage

__all__ = ["judge"]

_COVERED = 0.6
"""Share of the question's content words that the quotes must hold before no second look is taken."""


@staged("judge")
async def judge(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Decide what to do with what was read; a further hop asks for what is still missing."""
    deps = runtime.context
    chunks = {chunk.id: chunk for chunk in deps.chunks([quote["chunk_id"] for quote in state["quotes"]])}
    texts = [quote_text(quote, chunks[quote["chunk_id"]]) for quote in state["quotes"] if quote["chunk_id"] in chunks]
    best = max((ref["score"] for ref in state["evidence"]), default=0.0)
    covered = coverage(state["question"], " ".join(texts))
    query = _next_query(state["question"], texts) if covered < _COVERED else None
    again = query is not None and query not in state["searched"] and not spent(state, deps.budget)
    update: AgentState = {"again": again, "confidence": best, "queries": [query] if again and query else []}
    if texts:
        update |= {"verdict": "answered", "reason": "none"}
    elif seconds_left(state, deps.budget) <= 0:
        update |= {"verdict": "unanswerable", "reason": "out_of_budget"}
    else:
        update |= {"verdict": "unanswerable", "reason": "no_evidence"}
    detail = {"best": round(best, 4), "needed": RELEVANT, "covered": round(covered, 3), "again": again}
    return update, detail | ({"next_query": query} if again else {})


def _next_query(question: str, texts: list[str]) -> str | None:
    """The question with the fact just read (condensed retrieval, Baleen: Khattab et al., NeurIPS 2021).

    Without any fact there is nothing new to ask with, and asking the same again would find the same.
    """
    if not texts or not content_words(question):
        return None
    return f"{question} {' '.join(texts[0].split())}"
