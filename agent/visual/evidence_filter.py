"""Which passages may speak about what a picture shows.

FilterRAG ("Zero-Shot Informed Retrieval-Augmented Generation to Mitigate Hallucinations in VQA", 2025) grounds answers
about pictures in retrieved knowledge and keeps what does not belong out. Here a passage must be about the entity by
name, since a passage about its neighbour reads just as well; what relevance is left is weighed by how sure the picture
is of that entity.
"""

from collections.abc import Sequence

from foveate.agent.multihop.gathering import best_first, found_of, scores_of
from foveate.agent.multihop.protocols import Found, Tools
from foveate.agent.visual.entities import Entity
from foveate.records import Chunk, Result
from foveate.rerankers.sentences import content_words

__all__ = ["about", "evidence_of"]

_LEAST = 0.05
"""Relevance below which a passage is left out."""


def about(entity: Entity, chunk: Chunk) -> bool:
    """Whether a chunk's words or title hold every word of the name; a name without words is about nothing."""
    wanted = set(content_words(entity.name))
    return bool(wanted) and wanted <= set(content_words(f"{chunk.title or ''} {chunk.text or ''}"))


async def evidence_of(
    entity: Entity, query: str, results: Sequence[Result], tools: Tools, *, hop: int
) -> tuple[Found, ...]:
    """Passages about the entity, best first, scored by relevance times the entity's probability.

    Args:
        entity: what the picture shows.
        query: the question with the entity's name in it.
        results: of a search for it.
        tools: whose reranker judges.
        hop: in which they were found.
    """
    wanted = [one for one in results if one.chunk.id not in entity.chunk_ids and about(entity, one.chunk)]
    relevance = await scores_of(query, wanted, tools)
    kept = {name: score * entity.probability for name, score in relevance.items() if score >= _LEAST}
    return best_first(found_of(wanted, kept, hop=hop))
