"""How well pictures match texts that say what is not there.

A text is split (:mod:`foveate.retrievers.negation`); each part is scored apart, in standard deviations over what
unrelated pictures get, so that texts compare::

    score = z(wanted) - weight * sum of relu(z(unwanted) - level)

where ``bare`` stands for z(wanted) of a text that only negates. NegBench (Alhamoud et al., CVPR 2025) shows that the
whole text's own vector does not do: encoders match "no dog" with dogs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.retrievers.negation import Wanted, split
from foveate.retrievers.protocols import Encoder

__all__ = [
    "LAW",
    "Law",
    "choose_law",
    "names_of",
    "negated_scores",
    "standardised",
    "weighed",
]

Rows = NDArray[np.float32]
_PRIOR_WEIGHT = 16.0
_PRIOR = (0.105, 0.06)
"""Mean and standard deviation of unrelated cosines, as :mod:`foveate.retrievers.calibration` has them."""
_GRID = ((0.5, 1.0, 2.0, 4.0), (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0), (0.0, 0.5, 1.0, 1.5, 2.0, 2.5))


@dataclass(frozen=True, kw_only=True, slots=True)
class Law:
    """What an unwanted thing costs; fitted by ``python -m foveate.retrievers.training.negated``."""

    weight: float
    """Of each standard deviation above ``level``."""
    level: float
    """Standard deviations up to which nothing is taken off."""
    bare: float
    """What a text that wants nothing starts from, in standard deviations."""

    def __post_init__(self) -> None:
        values = (self.weight, self.level, self.bare)
        if not all(map(math.isfinite, values)) or self.weight < 0.0:
            raise CallerError(f"numbers of a law must be finite, the weight 0 or more; found {values!r}")


LAW = Law(weight=2.0, level=0.25, bare=1.0)
"""Of the ``mini`` encoder, on 494 pasted pairs of pictures that did not train it."""


def negated_scores(
    encoder: Encoder, pictures: Rows, texts: Sequence[str], *, law: Law = LAW, background: Rows | None = None
) -> NDArray[np.float64]:
    """Match pictures with texts, heeding negation.

    Args:
        encoder: of the texts.
        pictures: (p, d) unit rows.
        texts: (t).
        law: what an unwanted thing costs.
        background: (b, d) unrelated pictures that scores are measured against; None takes ``pictures``.

    Returns:
        (p, t), in standard deviations.

    Raises:
        CallerError: rows of another dimension than the encoder's.
    """
    if pictures.ndim != 2 or pictures.shape[1] != encoder.dim:
        raise CallerError(
            f"pictures must be (p, {encoder.dim}) rows of encoder {encoder.name!r}, found {pictures.shape!r}"
        )
    parts = [split(text) for text in texts]
    names = names_of(parts)
    against = pictures if background is None else background
    z = standardised(pictures, encoder.encode_text(names), against, encoder.picture_mean)  # (p, names)
    return weighed(z, names, parts, law)


def names_of(parts: Sequence[Wanted]) -> list[str]:
    """What is wanted or unwanted anywhere, sorted."""
    return sorted({name for one in parts for name in (one.text, *one.unwanted) if name})


def weighed(z: NDArray[np.float64], names: Sequence[str], parts: Sequence[Wanted], law: Law) -> NDArray[np.float64]:
    """(p, names) standard deviations, (t) parts -> (p, t) scores."""
    at = {name: column for column, name in enumerate(names)}
    scores = [_one(z, one, at, law) for one in parts]
    return np.stack(scores, axis=1) if scores else np.zeros((len(z), 0))


def _one(z: NDArray[np.float64], parts: Wanted, at: dict[str, int], law: Law) -> NDArray[np.float64]:
    """(p, names) -> (p)."""
    score = z[:, at[parts.text]].copy() if parts.text else np.full(len(z), law.bare)
    for name in parts.unwanted:
        score -= law.weight * np.maximum(z[:, at[name]] - law.level, 0.0)
    return score


def standardised(pictures: Rows, texts: Rows, background: Rows, picture_mean: Rows | None) -> NDArray[np.float64]:
    """(p, d), (t, d), (b, d) -> (p, t) standard deviations over what the background's pictures get with each text.

    Median and interquartile range, drawn towards the prior as if that were 16 more pictures: the mean cosine with the
    encoder's mean picture, where it has one.
    """
    prior_mean = np.full(len(texts), _PRIOR[0]) if picture_mean is None else texts.astype(np.float64) @ picture_mean
    share = len(background) / (len(background) + _PRIOR_WEIGHT)
    mean, spread = prior_mean, np.full(len(texts), _PRIOR[1])
    if len(background) and len(texts):
        low, middle, high = np.percentile(background.astype(np.float64) @ texts.T, (25, 50, 75), axis=0)  # (t) each
        mean = share * middle + (1.0 - share) * prior_mean
        spread = share * np.maximum((high - low) / 1.349, 1e-3) + (1.0 - share) * _PRIOR[1]
    z: NDArray[np.float64] = (pictures.astype(np.float64) @ texts.T - mean) / spread
    return z


def choose_law(figure: Callable[[Law], float]) -> Law:
    """The law of a grid with the best figure, larger being better; of equals the one that takes off least."""
    laws = [Law(weight=weight, level=level, bare=bare) for weight, level, bare in product(*_GRID)]
    return max(laws, key=lambda law: (round(figure(law), 9), -law.weight, law.level))
