"""A reranker over the first stage's best: what the second stage adds, measured apart from the answer."""

from foveate.evals.samples import Sample
from foveate.evals.targets.agent import AgentTarget
from foveate.evals.targets.protocols import Ability, Ranking

__all__ = ["RerankerTarget"]


class RerankerTarget(AgentTarget):
    """The agent's own first stage, then the reranker; ``find`` is the first stage alone, to compare with."""

    kind = "reranker"
    abilities: frozenset[Ability] = frozenset({"rerank", "find"})

    async def rerank(self, sample: Sample, depth: int) -> Ranking:
        """The first stage's best ``depth`` documents, scored again by the reranker."""
        results = await self.results(sample, depth)
        by_id = {result.chunk.id: result for result in results}
        hits = await self.agent.reranker.rerank(sample.text, results)
        return self.ranked([(by_id[hit.chunk_id], hit.score) for hit in hits], depth)
