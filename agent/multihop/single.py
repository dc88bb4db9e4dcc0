"""One search, one reranking: what multi-hop strategies are measured against."""

from foveate.agent.multihop.gathering import found_of, scores_of
from foveate.agent.multihop.protocols import Gathered, Hop, Tools

__all__ = ["SingleShot"]


class SingleShot:
    """Searches for the question once."""

    name = "single"

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """Every candidate with its probability, best first."""
        results = await tools.search(question, images=tools.pictures)
        scores = await scores_of(question, results, tools)
        found = found_of(results, scores, hop=1)
        hop = Hop(queries=(question,), found=tuple((one.chunk.id, one.score) for one in found))
        return Gathered(found=found[: tools.budget.candidates], hops=(hop,), ended="one round")
