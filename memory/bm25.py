"""Text to sparse vectors: the term half of BM25. The IDF half is the store's, which knows all points."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

import qdrant_edge as qe

from foveate.errors import CallerError
from foveate.memory.store import SparseVector

__all__ = ["AVERAGE_TERMS", "Bm25Terms"]

AVERAGE_TERMS = 80.0
"""Terms of an average chunk: a passage of 1,000 characters has about 90 once stop words are gone, a caption
5. Fixed, because weights of stored points cannot follow the collection's mean as it grows."""

_K1, _B = 1.2, 0.75


class Bm25Terms:
    """Words to term ids and weights, the same in every process and on every machine.

    Words are folded (Unicode NFKC, case, accents), English stop words dropped, English endings cut
    (Snowball).
    A word of another language is treated alike in document and query, so its exact form still finds itself. A
    term's
    id is a hash of its text, so there is no vocabulary to keep. Weights are Okapi BM25's with k1 1.2 and b
    0.75
    (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009).

    Args:
        average_terms: mean length of a document in terms.
    """

    def __init__(self, average_terms: float = AVERAGE_TERMS) -> None:
        if not average_terms > 0:
            raise CallerError(f"average_terms {average_terms!r} must be more than 0")
        self._model = _model(float(average_terms))

    def document(self, text: str) -> SparseVector:
        """Terms of a stored text, weighted by how often they occur and how long the text is."""
        return _vector(self._model.embed_document(_plain(text)))

    def query(self, text: str) -> SparseVector:
        """Terms of a query, each with weight 1; empty when there are only stop words and signs."""
        return _vector(self._model.embed_query(_plain(text)))


@lru_cache(maxsize=8)
def _model(average_terms: float) -> Any:
    return qe.Bm25(qe.Bm25Config(k=_K1, b=_B, avg_len=average_terms, language="english", ascii_folding=True))


def _plain(text: str) -> str:
    # The engine refuses surrogates, which come from file names that are no UTF-8.
    return unicodedata.normalize("NFKC", re.sub("[\ud800-\udfff]", "\ufffd", text))


def _vector(vector: Any) -> SparseVector:
    # Two words whose hashes collide would give one index twice, which no store takes: the larger weight
    # stays.
    weights: dict[int, float] = {}
    for index, value in zip(vector.indices, vector.values, strict=True):
        weights[index] = max(value, weights.get(index, 0.0))
    return SparseVector(indices=tuple(weights), values=tuple(weights.values()))
