"""How unusual a similarity is: cosines mean little by themselves, less so across modalities.

A question's similarity to a chunk is compared with its similarity to a fixed sample of the same collection
(cohort or "z" normalisation, as in speaker verification: Auckenthaler, Carey and Lloyd-Thomas, 2000). Text and
picture scores then share one scale, in spite of the modality gap.
"""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from foveate.memory.store import Store

__all__ = ["Background"]

_SAMPLE = 512
_PRIOR_WEIGHT = 16.0
_PRIOR = {"text": (0.08, 0.08), "image": (0.105, 0.06)}
"""Mean and standard deviation of unrelated pairs, for collections too small to tell: ``mini`` with the sample's dev
questions against its captions and pictures."""


class Background:
    """A sample of a collection's vectors. Ids are hashes, so the first ones are a random sample."""

    def __init__(self, store: Store) -> None:
        rows: dict[str, list[NDArray[np.float32]]] = {"text": [], "image": []}
        for point in islice(store.scroll(vectors=True), 4 * _SAMPLE):
            for name, sample in rows.items():
                if name in point.dense and len(sample) < _SAMPLE:
                    sample.append(point.dense[name])
        self._rows = {name: np.stack(sample) for name, sample in rows.items() if sample}

    def spread(self, name: str, query: NDArray[np.float32]) -> tuple[float, float]:
        """Mean and standard deviation of the query's cosines to unrelated chunks.

        Args:
            name: ``text`` or ``image``.
            query: (d) unit vector.

        The sample's own figures are drawn towards the prior as if that were 16 more chunks.
        """
        prior_mean, prior_sd = _PRIOR[name]
        rows = self._rows.get(name)
        if rows is None:
            return prior_mean, prior_sd
        scores = rows @ query  # (n)
        # Median and interquartile range: a sample that holds the answers themselves must not hide them.
        low, middle, high = np.percentile(scores, (25, 50, 75))
        sd = max(float(high - low) / 1.349, 1e-3)
        share = len(scores) / (len(scores) + _PRIOR_WEIGHT)
        return (
            share * float(middle) + (1 - share) * prior_mean,
            share * sd + (1 - share) * prior_sd,
        )

    def z(self, name: str, query: NDArray[np.float32], score: float) -> float:
        """Standard deviations by which a cosine exceeds what unrelated chunks get."""
        mean, sd = self.spread(name, query)
        return (score - mean) / sd
