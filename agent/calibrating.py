"""Calibrators for a reranker, out of labelled pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL.Image import Image

from foveate.agent.reranking import open_reranker
from foveate.errors import CallerError, MediaError
from foveate.ids import digest
from foveate.locators import CharSpan
from foveate.records import Chunk, Result
from foveate.rerankers.calibration import Calibrator, Method
from foveate.rerankers.cutoff import Operating, fit_cutoff
from foveate.rerankers.fitting import fit_calibrator
from foveate.rerankers.lora.pairs import Pair, by_group
from foveate.rerankers.protocols import Reranker
from foveate.retrievers.encoders.presets import load_encoder
from foveate.settings import Settings

__all__ = ["Calibration", "calibrate", "scores_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """A curve, and where to cut by it."""

    calibrator: Calibrator
    operating: Operating
    """Measured on questions that the curve was not fitted on."""


async def calibrate(
    settings: Settings, pairs: Sequence[Pair], *, method: Method, precision: float | None, recall: float | None
) -> Calibration:
    """Fit on half of the questions, by their hash; choose the cut on the other half.

    Args:
        settings: name the reranker.
        pairs: text alone.
        method: of the curve.
        precision: wanted of what is kept; the cut is the lowest that reaches it.
        recall: wanted instead; the cut is the highest that reaches it.

    Raises:
        CallerError: pictures among the pairs, or too few pairs of either kind in a half.
    """
    if any(pair.images or pair.question_images for pair in pairs):
        raise CallerError("calibration takes pairs of text; tell pictures in words, or leave those pairs out")
    encoder = load_encoder(settings.encoder)
    reranker = open_reranker(settings.reranker, settings.model_copy(update={"calibrator": None}), encoder, _nowhere)
    halves: list[list[tuple[float, bool]]] = [[], []]
    for key, group in by_group(pairs).items():
        halves[int(digest("calibration", key), 16) % 2] += await scores_of(reranker, group)
    calibrator = fit_calibrator(halves[0], model=reranker.name, method=method)
    probable = [(calibrator.probability(score), right) for score, right in halves[1]]
    return Calibration(calibrator=calibrator, operating=fit_cutoff(probable, precision=precision, recall=recall))


async def scores_of(reranker: Reranker, group: Sequence[Pair]) -> list[tuple[float, bool]]:
    """(score, label) of the pairs of one question; what the reranker did not judge is left out."""
    results = [_result(pair, place) for place, pair in enumerate(group)]
    labels = {result.chunk.id: pair.label for result, pair in zip(results, group, strict=True)}
    hits = await reranker.rerank(group[0].question, results)
    return [(hit.score, labels[hit.chunk_id]) for hit in hits if hit.score >= 0.0]


def _result(pair: Pair, place: int) -> Result:
    name = digest("pair", pair.key, str(place))
    chunk = Chunk(
        id=name,
        media_id=name,
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=max(len(pair.candidate), 1)),
        text=pair.candidate,
        paths=(),
    )
    return Result(chunk=chunk, score=0.0, hits=())


def _nowhere(chunk: Chunk) -> Image:
    raise MediaError("pairs hold no pictures")
