"""Which features of captions and pictures go with success.

Follows "Scalable Performance Analysis for Vision-Language Models" (Castro, Ignat and Mihalcea, *SEM 2023): features of
annotated samples are correlated with the scores a model got on them. Correlation is not cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError, ExtraMissing
from foveate.evals.probes.captioned import Captioned, open_picture, opened
from foveate.evals.probes.features import caption_features, picture_features
from foveate.evals.probes.rated import Rated, rated_by_rank
from foveate.evals.probes.record import ProbeReport, Table
from foveate.evals.stats import benjamini_hochberg, holm
from foveate.retrievers.protocols import Encoder

__all__ = ["Correlate", "correlates", "probe", "report"]

_LEVEL = 0.05
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Correlate:
    """A feature and how it goes with success."""

    feature: str
    rho: float
    """Spearman's rank correlation; NaN where the feature or the score is the same everywhere, or n < 3."""
    p: float
    """Two-sided p-value by Student's t."""
    holm: float
    """Corrected for the number of features: chance of any false finding (Holm 1979)."""
    bh: float
    """Corrected: expected share of false findings (Benjamini and Hochberg 1995)."""
    n: int
    """Samples with both values."""


def correlates(features: Mapping[str, NDArray[np.float64]], scores: NDArray[np.float64]) -> tuple[Correlate, ...]:
    """Correlate each feature with success.

    Args:
        features: name -> (n) values, NaN for unknown.
        scores: (n), NaN for unscored.

    Returns:
        The strongest first; those that cannot be computed last.
    """
    rough = [(name, *_spearman(np.asarray(values, dtype=np.float64), scores)) for name, values in features.items()]
    ps = np.array([p for _, _, p, _ in rough])
    strict, loose = holm(ps.tolist()), benjamini_hochberg(ps.tolist())
    found = [
        Correlate(feature=name, rho=rho, p=p, holm=float(strict[i]), bh=float(loose[i]), n=n)
        for i, (name, rho, p, n) in enumerate(rough)
    ]
    return tuple(sorted(found, key=lambda one: (np.isnan(one.rho), -abs(one.rho), one.feature)))


def report(encoder: Encoder | None, rated: Sequence[Rated], *, measure: str) -> ProbeReport:
    """The report over samples that are rated already.

    Args:
        encoder: for likeness to the nearest other caption and picture; None leaves both out.
        rated: the samples.
        measure: what the score is, for people.

    Raises:
        CallerError: no samples.
        MediaError: a picture that cannot be read.
    """
    images = [open_picture(one.picture) if one.picture else None for one in rated]
    return _report(encoder, rated, images, measure)


def probe(encoder: Encoder, items: Sequence[Captioned], *, seed: int = 0) -> ProbeReport:
    """Which captions and pictures the encoder finds: success is one over the rank of a caption's own picture."""
    del seed  # nothing is drawn
    images = opened(items)
    rated = rated_by_rank(encoder, items, images) if items else ()
    return _report(encoder, rated, images, f"text to picture, 1/rank, {encoder.name}")


def _report(
    encoder: Encoder | None, rated: Sequence[Rated], images: Sequence[Image.Image | None], measure: str
) -> ProbeReport:
    if not rated:
        raise CallerError("no samples to correlate")
    texts = [one.text for one in rated]
    scores = np.array([_NAN if one.score is None else one.score for one in rated])
    text_rows = encoder.encode_text(texts) if encoder else None
    features = caption_features(texts, text_rows) | picture_features(images, _rows(encoder, images))
    found = correlates(features, scores)
    firm = [one.feature for one in found if one.holm < _LEVEL]
    facts: dict[str, Any] = {
        "measure": measure,
        "samples": len(rated),
        "unscored": int(np.isnan(scores).sum()),
        "without_picture": sum(image is None for image in images),
        "mean_score": float(np.nanmean(scores)) if not np.isnan(scores).all() else _NAN,
        "tests": sum(not np.isnan(one.p) for one in found),
        "significant_after_holm": firm,
    }
    rows = tuple((one.feature, one.rho, one.p, one.holm, one.bh, one.n) for one in found)
    columns = ("feature", "Spearman's rho", "p", "p, Holm", "p, Benjamini-Hochberg", "n")
    return ProbeReport(
        name="correlates",
        title="What goes with success",
        source="Castro, Ignat and Mihalcea: Scalable Performance Analysis for Vision-Language Models. *SEM 2023",
        facts=facts,
        tables=(Table(title="Features, strongest first", columns=columns, rows=rows),),
        notes=(
            "A correlation is not a cause, and features go with each other. Samples of one media are not told apart: "
            "where they share pictures, p-values are too small.",
        ),
    )


def _rows(encoder: Encoder | None, images: Sequence[Image.Image | None]) -> NDArray[np.float32] | None:
    there = [at for at, image in enumerate(images) if image is not None]
    if encoder is None or not there:
        return None
    rows = np.zeros((len(images), encoder.dim), np.float32)
    rows[there] = encoder.encode_images([image for image in images if image is not None])
    return rows


def _spearman(values: NDArray[np.float64], scores: NDArray[np.float64]) -> tuple[float, float, int]:
    known = ~(np.isnan(values) | np.isnan(scores))
    x, y = values[known], scores[known]
    if len(x) < 3 or (x == x[0]).all() or (y == y[0]).all():
        return _NAN, _NAN, len(x)
    found = _stats().spearmanr(x, y)
    return float(found.statistic), float(found.pvalue), len(x)


def _stats() -> Any:
    try:
        return import_module("scipy.stats")
    except ImportError:
        raise ExtraMissing("scipy", "evals") from None
