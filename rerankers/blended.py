"""A judgement in words and the search's own look at the picture, weighed together.

As in CLIPRerank (Chen et al., ICASSP 2024) the second score is added to the first with a weight. Here both are
log-odds, so the sum is a probability again (logistic regression; Platt, 1999): a model that reads "surely cat" and a
vector that lies near "cat" know different things, and either alone is worse.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.records import Hit, Result
from foveate.rerankers.abstain import abstention
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.protocols import ImagePart, Reranker
from foveate.usage import Usage

__all__ = ["Blend", "BlendedReranker", "FirstStage", "fit_blend", "log_odds"]

_EDGE = 1e-6
_MAX_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Blend:
    """Weights of the sum."""

    bias: float
    judged: float
    """Per unit of the reranker's log-odds."""
    first: float
    """Per unit of the first stage's score."""
    stage: str = "z_image"
    """Which of the first stage's scores."""
    reranker: str = ""
    """Name of the reranker it was fitted with; empty fits any."""

    def probability(self, judged: float, first: float) -> float:
        """Of being relevant, from the reranker's probability and the first stage's score."""
        total = self.bias + self.judged * log_odds(judged) + self.first * first
        return 1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, total))))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Blend":
        """Read what :meth:`save` wrote.

        Raises:
            ModelError: missing, or no such file.
        """
        try:
            body = json.loads(path.read_bytes()[:_MAX_BYTES])
            numbers = [float(body[name]) for name in ("bias", "judged", "first")]
            if set(body) != {item.name for item in fields(cls)} or not all(map(math.isfinite, numbers)):
                raise ValueError(f"keys {sorted(body)!r}")
            return cls(
                bias=numbers[0],
                judged=numbers[1],
                first=numbers[2],
                stage=str(body["stage"]),
                reranker=str(body["reranker"]),
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{str(path)!r} holds no blend: {error}") from error


class FirstStage:
    """A score of the first stage as it stands: what a cascade begins with. Give it a calibrator of scale ``any``."""

    def __init__(self, stage: str = "z_image") -> None:
        self.name = f"first:{stage}"
        self._stage = stage

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """The stage's scores, best first; what it did not see is not judged."""
        check_distinct(results)
        scored = ((one.chunk.id, one.hit(self._stage), one) for one in results)
        return ranked(
            ((name, abstention(one) if hit is None else hit.score) for name, hit, one in scored), by=self.name
        )


class BlendedReranker:
    """Scores of another reranker, blended with a score of the first stage where a result has one.

    A result that the stage did not see, as a text has no ``z_image``, keeps the reranker's own score.
    """

    def __init__(self, reranker: Reranker, blend: Blend) -> None:
        """Wrap ``reranker``.

        Raises:
            CallerError: the blend was fitted with another reranker.
        """
        if blend.reranker and blend.reranker != reranker.name:
            raise CallerError(f"the blend was fitted with {blend.reranker!r} and cannot serve {reranker.name!r}")
        self.name = f"blend:{reranker.name}"
        self._reranker = reranker
        self._blend = blend

    @property
    def usage(self) -> Usage:
        """What the wrapped reranker spent."""
        spent: Usage = getattr(self._reranker, "usage", Usage())
        return spent

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Probabilities, best first, ties by id; results that the reranker leaves out stay out."""
        by_id = {result.chunk.id: result for result in results}
        hits = await self._reranker.rerank(question, results, images=images)
        return ranked(((hit.chunk_id, self._score(hit, by_id[hit.chunk_id])) for hit in hits), by=self.name)

    def _score(self, hit: Hit, result: Result) -> float:
        first = result.hit(self._blend.stage)
        if first is None or hit.score < 0:
            return hit.score
        return self._blend.probability(hit.score, first.score)


def fit_blend(
    rows: Sequence[tuple[float, float, bool]],
    *,
    reranker: str = "",
    stage: str = "z_image",
    ratio: float | None = None,
) -> Blend:
    """Weights by logistic regression.

    Args:
        rows: (probability of the reranker, score of the first stage, relevant), of both kinds.
        reranker: name of the reranker.
        stage: name of the first stage's score.
        ratio: of the weights, ``judged`` to ``first``, where it was chosen otherwise, as by nDCG: likelihood looks at
            all candidates alike, nDCG at the best. None fits both.

    Raises:
        CallerError: fewer than 20 rows, or one kind only.
        ExtraMissing: without scikit-learn.
    """
    if len(rows) < 20 or len({relevant for _, _, relevant in rows}) < 2:
        raise CallerError(f"{len(rows)} rows; a blend needs 20 or more, relevant and not")
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "train") from error
    table = np.array([(log_odds(judged), first) for judged, first, _ in rows])
    if ratio is not None:
        table = table @ np.array([[ratio], [1.0]])
    fitted = LogisticRegression(C=1e3, max_iter=1000).fit(table, np.array([int(right) for _, _, right in rows]))
    weights = [float(weight) for weight in fitted.coef_[0]]
    judged, first = weights if ratio is None else (ratio * weights[0], weights[0])
    return Blend(bias=float(fitted.intercept_[0]), judged=judged, first=first, stage=stage, reranker=reranker)


def log_odds(probability: float) -> float:
    """Natural log-odds of a probability in [0, 1], bounded at 1e-6 from either end."""
    kept = min(max(probability, _EDGE), 1.0 - _EDGE)
    return math.log(kept / (1.0 - kept))
