"""Late interaction over token vectors, focused on the part of a query that a passage can answer.

ColBERT (Khattab and Zaharia, SIGIR 2020) sums, over all query tokens, the best match among a passage's tokens. A
question of several hops asks for more than one passage holds, so Baleen's focused late interaction (FLIPR: Khattab,
Potts and Zaharia, NeurIPS 2021) sums only the best-matched part of the question, and of the facts that came before.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError

__all__ = ["EncodesTokens", "focused", "matches"]

Rows = NDArray[np.float32]


@runtime_checkable
class EncodesTokens(Protocol):
    """An encoder with a vector for each token."""

    def encode_tokens(self, texts: Sequence[str]) -> list[Rows]:
        """(n) texts -> n arrays (tokens, d) of unit float32 rows, in order; an empty text has no row."""


def matches(query: Rows, passage: Rows) -> Rows:
    """(q, d) and (t, d) unit rows -> (q): the best cosine of each query token; 0 where the passage has no token.

    Raises:
        CallerError: dimensions that differ.
    """
    if query.ndim != 2 or passage.ndim != 2 or query.shape[1] != passage.shape[1]:
        raise CallerError(f"token vectors of shapes {query.shape} and {passage.shape} do not fit")
    if not passage.shape[0]:
        return np.zeros(query.shape[0], np.float32)
    best: Rows = (query @ passage.T).max(axis=1)
    return best


def focused(question: Rows, facts: Rows, passage: Rows, *, share: float = 0.5) -> float:
    """Score of a passage: the best-matched ``share`` of the question's tokens, and as much of the facts'.

    Means in place of FLIPR's sums: question and facts weigh alike, however long they are.

    Args:
        question: (q, d) unit rows.
        facts: (f, d) of what earlier hops learnt; f may be 0.
        passage: (t, d).
        share: in (0, 1]; 1 is ColBERT's MaxSim.

    Raises:
        CallerError: ``share`` out of range, or dimensions that differ.
    """
    if not 0.0 < share <= 1.0:
        raise CallerError(f"share is {share!r}; it must be above 0 and at most 1")
    parts = [_top(matches(rows, passage), share) for rows in (question, facts) if rows.shape[0]]
    return float(np.mean(parts)) if parts else 0.0


def _top(scores: Rows, share: float) -> float:
    count = max(1, round(share * scores.size))
    return float(np.sort(scores)[-count:].mean())
