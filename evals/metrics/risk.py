"""Selective answering: how often answers are wrong among those that a threshold on confidence lets through.

Coverage is the share of all samples that are answered, risk the share of wrong ones among these (El-Yaniv and Wiener,
JMLR 2010; Geifman and El-Yaniv, NeurIPS 2017). Samples are taken in order of confidence, the surest first. A sample
that the system itself abstained on has no answer to let through: it stands behind all others and counts as wrong, so
coverage 1 is where everything must be answered. It needs no confidence; any other sample without one, and one whose
rightness is unknown, is not scored.

Equal confidences cannot be told apart, so each of a tie counts with the tie's mean risk: the expectation over all
orders of it, whatever order the rows are in.
"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from foveate.evals.metrics.metric import Columns, Metric
from foveate.evals.metrics.rightness import right
from foveate.evals.metrics.scores import NAN, abstained, sureness, together
from foveate.evals.samples import Output, Sample

__all__ = ["BEHIND", "METRICS", "aurc", "coverage", "coverage_at", "curve", "risk", "risk_at", "selective_columns"]

BEHIND = -1.0
"""Stands for the confidence of what was not answered: below every probability."""
_SLACK = 1e-9
"""0.07 * 100 is 7.000000000000001, which must not ask for an eighth sample."""


def selective_columns(sample: Sample, output: Output) -> tuple[float, float]:
    """(confidence, right): :data:`BEHIND` and 0 for an abstention, NaN where unknown."""
    is_right = right(sample, output)
    if abstained(output):
        return (NAN, NAN) if math.isnan(is_right) else (BEHIND, 0.0)
    return sureness(output), is_right


def curve(columns: Columns) -> NDArray[np.float64]:
    """(m, 2) confidence, right -> (m) risk among the first 1, 2 ... m samples."""
    order = np.argsort(-columns[:, 0], kind="stable")
    confidence, wrong = columns[order, 0], 1.0 - columns[order, 1]
    _, place, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    tied = np.bincount(place, weights=wrong) / counts
    return np.asarray(np.cumsum(tied[place]) / np.arange(1, len(columns) + 1))


def aurc(columns: Columns) -> float:
    """Area under the risk-coverage curve: the mean of the risks at coverage 1/m, 2/m ... 1; NaN without rows.

    This is the sum of Geifman, Uziel and El-Yaniv (ICLR 2019), neither interpolated nor less the optimum (E-AURC).
    """
    return float(curve(columns).mean()) if len(columns) else NAN


def risk_at(columns: Columns, coverage: float) -> float:
    """Risk when at least ``coverage`` of the samples are answered, the surest of them; NaN without rows."""
    if not len(columns):
        return NAN
    taken = max(1, int(np.ceil(coverage * len(columns) - _SLACK)))
    return float(curve(columns)[taken - 1])


def coverage_at(columns: Columns, risk: float) -> float:
    """Largest coverage that a threshold can give at a risk of at most ``risk``; 0 where none does, NaN without rows.

    Only coverages that end between two different confidences count: a threshold takes a tie whole or not at all.
    """
    if not len(columns):
        return NAN
    confidence = -np.sort(-columns[:, 0])
    ends = np.append(confidence[:-1] != confidence[1:], True)
    good = np.flatnonzero(ends & (curve(columns) <= risk + _SLACK))
    return float(good[-1] + 1) / len(columns) if len(good) else 0.0


def _metric(
    name: str, title: str, statistic: Callable[[Columns], float], better: Literal["higher", "lower"] = "lower"
) -> Metric:
    return Metric(
        name=name,
        title=title,
        source="Geifman and El-Yaniv, NeurIPS 2017",
        better=better,
        rows=together(selective_columns, 2),
        statistic=statistic,
    )


def risk(coverage: float) -> Metric:
    """``risk@C``."""
    return _metric(f"risk@{coverage:g}", f"Risk at coverage {coverage:g}", lambda rows: risk_at(rows, coverage))


def coverage(risk: float) -> Metric:
    """``coverage@R``."""
    name, title = f"coverage@{risk:g}", f"Coverage at risk {risk:g}"
    return _metric(name, title, lambda rows: coverage_at(rows, risk), "higher")


METRICS = (_metric("aurc", "Area under the risk-coverage curve", aurc),)
