"""What the geometry of embeddings says of a question: signals for knowing when not to answer."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, EncoderMismatch, ExtraMissing
from foveate.memory.store import Store
from foveate.retrievers.geometry.conformity import Conformity
from foveate.retrievers.geometry.prior import load_prior
from foveate.retrievers.geometry.probabilistic import MatchUncertainty, Modality
from foveate.retrievers.geometry.whitening import Whitening
from foveate.retrievers.protocols import Encoder

__all__ = ["SIGNALS", "Geometry"]

SIGNALS = {
    "question_conformity": "cosine of the question to the mean of the collection's texts",
    "question_likelihood": "log-likelihood of the question among the collection's texts, nats a dimension",
    "picture_conformity": "cosine of the question's picture to the mean of the collection's pictures",
    "picture_likelihood": "log-likelihood of the picture among the collection's pictures, nats a dimension",
    "question_uncertainty": "noise to signal of where pictures that match the question lie",
    "picture_uncertainty": "noise to signal of where texts that match the picture lie",
}
"""Signal -> what it is, for the trace and the documentation."""
T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_SAMPLE = 2048
# A whitening takes the cube of its vectors: of both modalities 1.3 s with 1,024 vectors each of 1,600 dimensions.
_WHITENED = 640
# A prior of everyday pictures hides what is outside: 8 flags of the train half beside clip art, AUROC 0.93 without and
# 0.48 with it. Fewer than that leave hardly a covariance.
_FEW = 8
_SIDES: tuple[tuple[str, Modality], ...] = (("question", "text"), ("picture", "image"))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fitted:
    conformity: Mapping[str, Conformity]
    whitening: Mapping[str, Whitening]


class Geometry:
    """Conformity, likelihood and uncertainty of a question and its picture; fitted when first asked."""

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        self._fitted: _Fitted | None = None
        self._match: MatchUncertainty | None = None

    @classmethod
    def of(cls, store: Store, encoder: Encoder) -> Self:
        """The geometry of a collection. Nothing is read before `signals` asks.

        What is indexed afterwards is not seen; take another then.
        """
        return cls(store, encoder)

    def signals(
        self, question_row: NDArray[np.floating] | None, picture_row: NDArray[np.floating] | None
    ) -> dict[str, float]:
        """The signals of one question.

        Args:
            question_row: (d) vector of its text, None without.
            picture_row: (d) vector of its picture, None without.

        Returns:
            Every name of `SIGNALS`; NaN where unknown: no such row, a row of length 0, a collection without that
            modality, an encoder that no adapter was trained for.

        Raises:
            CallerError: a row is not (d), or not finite.
        """
        if self._fitted is None:
            self._fitted, self._match = _fit(self._store, self._encoder), _load(MatchUncertainty.load, self._encoder)
        found = dict.fromkeys(SIGNALS, math.nan)
        for (side, modality), row in zip(_SIDES, (question_row, picture_row), strict=True):
            if row is not None and (rows := self._checked(side, row)) is not None:
                found |= {f"{side}_{name}": value for name, value in self._of(rows, modality, self._fitted).items()}
        return found

    def _of(self, rows: NDArray[np.float64], modality: Modality, fitted: _Fitted) -> dict[str, float]:
        found = {}
        if modality in fitted.conformity:
            found["conformity"] = float(fitted.conformity[modality].conformity(rows)[0])
        if modality in fitted.whitening:
            found["likelihood"] = float(fitted.whitening[modality].log_likelihood(rows)[0])
        if self._match is not None:
            found["uncertainty"] = float(self._match.uncertainty(rows, modality)[0])
        return found

    def _checked(self, side: str, row: NDArray[np.floating]) -> NDArray[np.float64] | None:
        if row.shape != (self._encoder.dim,):
            raise CallerError(f"the {side}'s vector has shape {row.shape!r}; needed is ({self._encoder.dim},)")
        if not np.isfinite(row).all():
            raise CallerError(f"the {side}'s vector holds values that are not finite")
        return row[None].astype(np.float64) if row.any() else None


def _fit(store: Store, encoder: Encoder) -> _Fitted:
    # Ids are hashes, so the first points are a random sample.
    rows: dict[str, list[NDArray[np.float32]]] = {modality: [] for _, modality in _SIDES}
    for point in islice(store.scroll(vectors=True), _SAMPLE):
        for name, row in point.dense.items():
            if name in rows:
                rows[name].append(row)
    priors = _load(load_prior, encoder) or {}
    conformity, whitening = {}, {}
    for name, sample in rows.items():
        # Vectors that cancel out, or are all the same, have no mean or no spread to measure by.
        try:
            if sample:
                conformity[name] = Conformity.fit([np.stack(sample)])
                prior = priors.get(name) if len(sample) < _FEW else None
                whitening[name] = Whitening.fit(np.stack(sample[:_WHITENED]), prior=prior)
        except CallerError as error:
            _LOG.info("no geometry of %s vectors: %s", name, error)
    return _Fitted(conformity=conformity, whitening=whitening)


def _load(read: Callable[[str], T], encoder: Encoder) -> T | None:
    try:
        return read(encoder.fingerprint)
    except (EncoderMismatch, ExtraMissing) as error:
        _LOG.info("not used: %s", error)
        return None
