"""Many pieces of evidence, one verdict: relevance and entailment weighed together.

The usual verdict over many pieces is that of the surest one (as SummaC's, Laban et al., TACL 2022), which a piece that
merely sounds alike can give. Here each piece counts by how relevant it is and how much it says: log-odds of entailed
against contradicted are summed with the weights ``relevance * (1 - neutral)``, beside the strongest piece, the chance
that any piece speaks, and the mean. Six weights join them, the same for both directions; they are fitted, and kept as
JSON. A piece of relevance 0 changes nothing, nor does the order of the pieces.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np

from foveate.errors import CallerError
from foveate.rerankers.fitted import exact, number, parsed, read_fitted, write_fitted
from foveate.rerankers.reasoning.entailment import LABELS, Entailment, Label
from foveate.rerankers.reasoning.logit import fit_logit, softmax

__all__ = ["STRONG", "JointLabel", "JointVerdict", "JointWeights", "Piece", "fit_joint", "join", "surest"]

JointLabel = Literal["entailed", "contradicted", "neutral", "conflicting"]
STRONG = 0.5
"""Relevance times probability from which a piece supports or contradicts on its own."""
_CITED = 0.25
"""The same from which a piece is named."""
_EDGE = 1e-6
_MAX_BYTES = 10_000
_STRENGTH = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One piece of evidence, judged."""

    relevance: float
    """Probability in [0, 1] of being relevant to the claim, by a reranker."""
    entailment: Entailment

    def __post_init__(self) -> None:
        if not 0.0 <= self.relevance <= 1.0:
            raise CallerError(f"relevance is {self.relevance!r}; allowed are numbers from 0 to 1")

    @property
    def supports(self) -> float:
        """Relevance times the probability of entailing."""
        return self.relevance * self.entailment.entailed

    @property
    def contradicts(self) -> float:
        """Relevance times the probability of contradicting."""
        return self.relevance * self.entailment.contradicted


@dataclass(frozen=True, kw_only=True, slots=True)
class JointWeights:
    """Log-odds of a direction (entailed or contradicted) against neutral: a sum of these times what they weigh.

    The defaults were set by hand for a verifier and a reranker whose probabilities mean what they say.
    """

    bias: float = -2.0
    """Before any evidence."""
    lean: float = 0.25
    """Per unit of summed, weighted log-odds in this direction."""
    strongest: float = 4.0
    """Of the piece that speaks most for this direction, relevance times probability."""
    any: float = 0.5
    """Of the probability that at least one piece speaks for it."""
    mean: float = 0.0
    """Of the mean probability, weighted by relevance."""
    against: float = -1.0
    """Of the piece that speaks most for the other direction."""
    model: str = ""
    """Name of the verifier they were fitted with; empty fits any."""

    def check(self, model: str) -> None:
        """Refuse another verifier's probabilities.

        Raises:
            CallerError: they were fitted with another one.
        """
        if self.model not in ("", model):
            raise CallerError(
                f"these weights were fitted with verdicts of {self.model!r} and do not weigh those of {model!r}; "
                "fit them again"
            )

    def save(self, path: Path) -> None:
        """Write JSON; a crash leaves the old or the new file whole.

        Raises:
            ServiceError: it cannot be written.
        """
        write_fitted(path, asdict(self))

    @classmethod
    def load(cls, path: Path, *, model: str) -> "JointWeights":
        """Read what :meth:`save` wrote, for the verifier ``model``.

        Raises:
            CallerError: no such file, or fitted with another verifier.
            ModelError: damaged; names the file and what is wrong.
        """
        made = read_fitted(path, "joint weights", _parsed, _MAX_BYTES)
        made.check(model)
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class JointVerdict:
    """What all pieces together are to a claim."""

    label: JointLabel
    """``conflicting``: different pieces speak strongly for both sides."""
    entailment: Entailment
    """Probabilities of the three labels, whichever was chosen; what verifying cost."""
    probability: float
    """Of ``label``; of a conflict that both sides are spoken for."""
    support: tuple[int, ...] = ()
    """Positions of the pieces that entail the claim, strongest first."""
    against: tuple[int, ...] = ()
    """Positions of those that contradict it."""


def join(pieces: Sequence[Piece], weights: JointWeights | None = None) -> JointVerdict:
    """One verdict; pieces on which the model said nothing are passed over. Without pieces it is neutral."""
    known = [piece for piece in pieces if piece.entailment.known]
    scores = _features(known) @ _vector(weights or JointWeights())  # (3)
    row = softmax(scores[None])[0]
    cost = sum((piece.entailment.usage for piece in pieces), start=_UNASKED.usage)
    entailment = Entailment(entailed=float(row[0]), contradicted=float(row[1]), neutral=float(row[2]), usage=cost)
    support = _ordered([piece.supports for piece in pieces])
    against = _ordered([piece.contradicts for piece in pieces])
    if _conflict(pieces):
        both = _noisy_or([piece.supports for piece in known]) * _noisy_or([piece.contradicts for piece in known])
        return JointVerdict(
            label="conflicting", entailment=entailment, probability=both, support=support, against=against
        )
    label = entailment.label
    assert label is not None
    return JointVerdict(
        label=label,
        entailment=entailment,
        probability=max(entailment.probabilities),
        support=support,
        against=against,
    )


def surest(pieces: Sequence[Piece]) -> Label:
    """The verdict of the surest piece, whatever its relevance: what :func:`join` is compared with."""
    known = [piece.entailment for piece in pieces if piece.entailment.known]
    entailed = max((one.entailed for one in known), default=0.0)
    contradicted = max((one.contradicted for one in known), default=0.0)
    if max(entailed, contradicted) < STRONG:
        return "neutral"
    return "entailed" if entailed > contradicted else "contradicted"


def fit_joint(pools: Sequence[Sequence[Piece]], right: Sequence[Label], *, model: str) -> JointWeights:
    """Weights that make the right labels likely, held near the defaults by a weak ridge.

    Args:
        pools: pieces of one claim each.
        right: label of each claim, none of them ``conflicting``.
        model: name of the verifier.

    Raises:
        CallerError: rows that do not fit, fewer than 30, or a label that is missing or unknown.
    """
    if len(pools) != len(right) or len(pools) < 30 or set(right) != set(LABELS):
        raise CallerError(
            f"{len(pools)} pools and {len(right)} labels of {sorted(set(right))}; "
            f"needed are 30 or more, of each of: {', '.join(LABELS)}"
        )
    rows = np.array([_features([piece for piece in pool if piece.entailment.known]) for pool in pools])  # (n, 3, 6)
    chosen = np.array([LABELS.index(label) for label in right], dtype=np.int64)
    found = fit_logit(rows, chosen, _vector(JointWeights()), _STRENGTH)
    values = dict(zip(_NAMES, map(float, found), strict=True))
    return JointWeights(**values, model=model)


_UNASKED = Entailment(entailed=0.0, contradicted=0.0, neutral=1.0)
_NAMES = tuple(item.name for item in fields(JointWeights) if item.name != "model")


def _vector(weights: JointWeights) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(astuple(weights)[: len(_NAMES)], dtype=np.float64)


def _features(pieces: Sequence[Piece]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(3 labels, 6 features). Exact sums, so that the order of the pieces changes no bit."""
    supports = [piece.supports for piece in pieces]
    contradicts = [piece.contradicts for piece in pieces]
    lean = math.fsum(_lean(piece) for piece in pieces)
    whole = math.fsum(piece.relevance for piece in pieces)

    def row(direction: float, these: Sequence[float], those: Sequence[float]) -> list[float]:
        mean = math.fsum(these) / whole if whole > 0.0 else 0.0
        return [1.0, direction, max(these, default=0.0), _noisy_or(these), mean, max(those, default=0.0)]

    return np.array([row(lean, supports, contradicts), row(-lean, contradicts, supports), [0.0] * 6])


def _lean(piece: Piece) -> float:
    """Log-odds of entailed against contradicted, weighed by relevance and by how much the piece says."""
    one = piece.entailment
    odds = math.log(max(one.entailed, _EDGE)) - math.log(max(one.contradicted, _EDGE))
    return piece.relevance * (1.0 - one.neutral) * odds


def _noisy_or(chances: Sequence[float]) -> float:
    return 1.0 - math.prod(sorted(1.0 - chance for chance in chances))


def _ordered(strengths: Sequence[float]) -> tuple[int, ...]:
    named = [(-strength, place) for place, strength in enumerate(strengths) if strength >= _CITED]
    return tuple(place for _, place in sorted(named))


def _conflict(pieces: Sequence[Piece]) -> bool:
    """Whether one piece entails and another contradicts, each strongly."""
    support = {place for place, piece in enumerate(pieces) if piece.supports >= STRONG}
    against = {place for place, piece in enumerate(pieces) if piece.contradicts >= STRONG}
    return bool(support) and bool(against) and len(support | against) > 1


def _parsed(raw: bytes) -> JointWeights:
    body = exact(parsed(raw), JointWeights, "joint weights")
    if not isinstance(body["model"], str):
        raise ValueError(f"model is {body['model']!r:.80}")
    return JointWeights(**{name: number(body[name], name) for name in _NAMES}, model=body["model"])
