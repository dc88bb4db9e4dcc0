"""What a metric is: columns a sample, and a statistic over them.

A metric that has a value for each sample (nDCG) has one column and the mean as statistic. One that exists only over
many samples (AUROC, AURC, expected calibration error) keeps what it needs of each sample as columns, and a statistic
that NumPy can take over any resample of the rows: that is what bootstraps need.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.evals.samples import Document, Output, Sample
from foveate.retrievers.protocols import Encoder

__all__ = ["Columns", "Context", "Metric", "mean"]

Columns = NDArray[np.float64]
"""(n, c): one row a sample. A row with a NaN anywhere was not scored; it is counted and shown, never averaged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What some metrics need beside sample and output."""

    documents: Mapping[str, Document] = field(default_factory=dict)
    """The dataset's documents by id."""
    encoder: Callable[[], Encoder] | None = None
    """Loads the encoder on use; None when the run has none."""


def mean(columns: Columns) -> float:
    """Mean of the first column; NaN without rows."""
    return float(columns[:, 0].mean()) if len(columns) else float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One figure of a report."""

    name: str
    """As suites write it: ``ndcg@10``."""
    title: str
    """For people: ``nDCG at 10``."""
    source: str
    """Paper or standard it follows."""
    better: Literal["higher", "lower"]
    rows: Callable[[Sequence[Sample], Sequence[Output], Context], Columns]
    """(n) samples with their outputs -> (n, c). NaN where sample or output lacks what the metric reads."""
    bounds: tuple[float, float] | None = (0.0, 1.0)
    """Least and greatest value of a score and of the figure; None where there is none. Intervals stay within."""
    statistic: Callable[[Columns], float] = mean
    """(m, c) scored rows -> the figure; NaN where it does not exist (AUROC of one class)."""
