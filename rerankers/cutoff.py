"""The cut that an irrelevant pool does not pass, and the threshold for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from foveate.errors import CallerError
from foveate.records import Hit, Result
from foveate.rerankers.abstain import abstained
from foveate.rerankers.calibration import Calibrator, check_score
from foveate.rerankers.fitting import Pair
from foveate.rerankers.hits import ranked
from foveate.rerankers.protocols import ImagePart, Reranker
from foveate.usage import Usage

__all__ = ["CutOff", "Operating", "fit_cutoff"]


class CutOff:
    """A reranker with calibrated scores that drops what is improbable: an irrelevant pool gives an empty list."""

    def __init__(self, reranker: Reranker, calibrator: Calibrator, at: float = 0.5) -> None:
        """Join the two.

        Args:
            reranker: gives the scores.
            calibrator: fitted on its scores.
            at: keep what has this probability or more, in [0, 1]; see :func:`fit_cutoff`.

        Raises:
            CallerError: the calibrator belongs to another reranker, or ``at`` is out of range.
        """
        calibrator.check(reranker.name)
        check_score(at, "probability", "at")
        self.name = f"{reranker.name}>={at:g}"
        self._inner, self._calibrator, self._at = reranker, calibrator, at

    @property
    def usage(self) -> Usage:
        """What the reranker has spent, if it counts that."""
        spent: Usage = getattr(self._inner, "usage", Usage())
        return spent

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Hits with calibrated probabilities of at least ``at``, best first, ties by id; perhaps none.

        What the reranker did not judge (:mod:`foveate.rerankers.abstain`) is dropped too: nothing speaks for it.
        """
        hits = await self._inner.rerank(question, results, images=images)
        if self._calibrator.curve.scale == "probability":
            hits = [hit for hit in hits if not abstained(hit.score)]
        scored = [(hit.chunk_id, self._calibrator.probability(hit.score)) for hit in hits]
        return ranked([pair for pair in scored if pair[1] >= self._at], by=self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operating:
    """A threshold and what it gives on the data it was chosen on."""

    at: float
    """Keep what scores this or more."""
    precision: float
    recall: float
    kept: int


def fit_cutoff(pairs: Sequence[Pair], *, precision: float | None = None, recall: float | None = None) -> Operating:
    """The threshold for a stated precision (the lowest that has it) or recall (the highest that has it).

    Give pairs the calibrator was not fitted on; on new data expect a little less than was stated.

    Args:
        pairs: (probability, relevant).
        precision: share of relevant ones among those kept, in (0, 1].
        recall: share of the relevant ones that is kept, in (0, 1].

    Raises:
        CallerError: both or none stated, out of range, no relevant pair, or a precision no threshold reaches.
    """
    if (precision is None) == (recall is None):
        raise CallerError(f"state precision or recall, one of them; got precision {precision!r}, recall {recall!r}")
    for name, wanted in (("precision", precision), ("recall", recall)):
        if wanted is not None and not 0.0 < wanted <= 1.0:
            raise CallerError(f"{name} is {wanted!r}; allowed are numbers above 0 up to 1")
    curve = _curve(pairs)
    if recall is not None:
        return next(point for point in curve if point.recall >= recall)
    fitting = [point for point in curve if point.precision >= (precision or 1.0)]
    if not fitting:
        best = max(point.precision for point in curve)
        raise CallerError(f"no threshold has precision {precision!r} on these pairs; the best is {best:.3f}")
    return fitting[-1]


def _curve(pairs: Sequence[Pair]) -> list[Operating]:
    """What each threshold gives, from the highest on; thresholds are the scores themselves."""
    for place, (score, _) in enumerate(pairs):
        check_score(score, "probability", f"pair {place}: score")
    relevant = sum(bool(label) for _, label in pairs)
    if not relevant:
        raise CallerError(f"none of the {len(pairs)} pairs is relevant; a threshold needs some that are")
    ordered = sorted(((float(score), bool(label)) for score, label in pairs), reverse=True)
    curve, hits = [], 0
    for kept, (score, label) in enumerate(ordered, start=1):
        hits += label
        if kept == len(ordered) or ordered[kept][0] < score:  # equal scores stay or go together
            curve.append(Operating(at=score, precision=hits / kept, recall=hits / relevant, kept=kept))
    return curve
