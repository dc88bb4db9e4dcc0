"""Whether confidence means what it says: expected calibration error and Brier score; AUROC of telling what has none.

Confidence is the probability that the answer given is right. An abstention gives no answer, so calibration error and
Brier score leave it out, as they do what has no confidence or whose rightness is unknown. Leaving out what lies below
a threshold does not bias them: confidence that means what it says does so above any threshold too. To judge all
confidences let the system answer everything.
"""

import numpy as np

from foveate.evals.metrics.metric import Columns, Metric
from foveate.evals.metrics.rightness import right
from foveate.evals.metrics.scores import NAN, abstained, sureness, together
from foveate.evals.samples import Output, Sample

__all__ = ["BINS", "METRICS", "answerable_columns", "answered_columns", "auroc", "brier", "ece"]

BINS = 15


def answered_columns(sample: Sample, output: Output) -> tuple[float, float]:
    """(confidence, right) of an answer that was given; NaN otherwise."""
    return (NAN, NAN) if abstained(output) else (sureness(output), right(sample, output))


def answerable_columns(sample: Sample, output: Output) -> tuple[float, float]:
    """(confidence, answerable); NaN where either is not known. Abstentions count with the confidence they gave."""
    return sureness(output), NAN if sample.answerable is None else float(sample.answerable)


def ece(columns: Columns, bins: int = BINS) -> float:
    """Expected calibration error (Guo et al., ICML 2017), the l1 norm, over bins of equal width.

    Args:
        columns: (m, 2) confidence in [0, 1] and right.
        bins: how many; a confidence on an edge belongs to the bin above, 1 makes a bin of its own, as in torchmetrics.

    Returns:
        Sum over bins of |right - confidence| there, weighted by their share of rows; NaN without rows.
    """
    if not len(columns):
        return NAN
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges, columns[:, 0], side="right") - 1
    # |sum of differences| a bin, over all rows: the bin's share and its mean's denominator cancel.
    return float(np.abs(np.bincount(place, weights=columns[:, 1] - columns[:, 0])).sum()) / len(columns)


def brier(columns: Columns) -> float:
    """(m, 2) confidence, right -> mean squared difference (Brier, 1950); NaN without rows."""
    return float(((columns[:, 0] - columns[:, 1]) ** 2).mean()) if len(columns) else NAN


def auroc(columns: Columns) -> float:
    """(m, 2) score, class 0 or 1 -> area under the ROC curve, by the rank sum of Mann and Whitney; NaN with one class.

    It is scikit-learn's value, which bootstraps ask for thousands of times, at a fiftieth of the time (1,500 rows).
    """
    positive = columns[:, 1] == 1.0
    these, those = int(positive.sum()), int((~positive).sum())
    if not these or not those:
        return NAN
    _, place, counts = np.unique(columns[:, 0], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # ties share the mean of their ranks
    return float((ranks[positive].sum() - these * (these + 1) / 2) / (these * those))


METRICS = (
    Metric(
        name="ece",
        title="Expected calibration error",
        source="Guo et al., ICML 2017: 15 bins of equal width",
        better="lower",
        rows=together(answered_columns, 2),
        statistic=ece,
    ),
    Metric(
        name="brier",
        title="Brier score",
        source="Brier, Monthly Weather Review 1950",
        better="lower",
        rows=together(answered_columns, 2),
        statistic=brier,
    ),
    Metric(
        name="auroc",
        title="AUROC of confidence for what can be answered",
        source="Hanley and McNeil, Radiology 1982",
        better="higher",
        rows=together(answerable_columns, 2),
        statistic=auroc,
    ),
)
