"""Abstaining where a right system does: refusal precision, recall and F1, both kinds of false step, dual accuracy.

Positive means abstained (verdict ``unanswerable``). A sample of which the benchmark does not say whether it can be
answered, and an output without verdict, are not scored.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.evals.metrics.metric import Columns, Context, Metric
from foveate.evals.metrics.rightness import right
from foveate.evals.metrics.scores import NAN, abstained, together
from foveate.evals.samples import Output, Sample

__all__ = [
    "METRICS",
    "dual_accuracy",
    "dual_columns",
    "false_answer_rate",
    "false_refusal_rate",
    "refusal_columns",
    "refusal_f1",
    "refusal_precision",
    "refusal_recall",
]

_REFUSAL = "precision and recall with abstention as the positive class"
_DUAL = "Miyai et al. (MM-UPD), ACL 2025"


def refusal_columns(sample: Sample, output: Output) -> tuple[float, float]:
    """(abstained, should have), each 0 or 1; NaN where not known."""
    if sample.answerable is None or output.verdict is None:
        return NAN, NAN
    return float(abstained(output)), float(not sample.answerable)


def refusal_precision(columns: Columns) -> float:
    """(m, 2) abstained, should have -> share of abstentions that were right; NaN without any."""
    return _share(columns[:, 1], columns[:, 0])


def refusal_recall(columns: Columns) -> float:
    """(m, 2) abstained, should have -> share of the unanswerable that were refused; NaN without any."""
    return _share(columns[:, 0], columns[:, 1])


def refusal_f1(columns: Columns) -> float:
    """(m, 2) abstained, should have -> harmonic mean of the two; NaN where nothing was or should be refused."""
    both = float((columns[:, 0] * columns[:, 1]).sum())
    total = float(columns.sum())
    return 2 * both / total if total else NAN


def false_answer_rate(columns: Columns) -> float:
    """(m, 2) abstained, should have -> share of the unanswerable that were answered."""
    return _share(1.0 - columns[:, 0], columns[:, 1])


def false_refusal_rate(columns: Columns) -> float:
    """(m, 2) abstained, should have -> share of the answerable that were refused."""
    return _share(columns[:, 0], 1.0 - columns[:, 1])


def _share(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total else NAN


def dual_columns(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
    """(n, 2) whether all forms of the base question were answered right, and how much that counts.

    ``slices["pair"]`` names the base question. The row of its first unanswerable form holds the product over all of
    its forms and weighs 1, the other rows weigh 0. So any resample of rows has a statistic: whole groups drawn
    together, as pictures are, give that of the pairs drawn, and rows drawn one by one estimate the same figure without
    counting a pair twice; and slices by kind of unanswerable question work, since its row is the one that counts.
    All rows of a pair are NaN where it lacks a standard or an unanswerable form or the rightness of one is unknown.
    """
    del context
    members: dict[str, list[int]] = defaultdict(list)
    for row, sample in enumerate(samples):
        if "pair" in sample.slices:
            members[sample.slices["pair"]].append(row)
    columns = np.full((len(samples), 2), np.nan)
    for rows in members.values():
        product = float(np.prod([right(samples[row], outputs[row]) for row in rows]))
        unanswerable = [row for row in rows if samples[row].answerable is False]
        if np.isnan(product) or not 0 < len(unanswerable) < len(rows):
            continue
        columns[rows] = 0.0
        columns[unanswerable[0]] = product, 1.0
    return columns


def dual_accuracy(columns: Columns) -> float:
    """(m, 2) right, weight -> MM-UPD's dual accuracy: share of base questions of which all forms are right."""
    return _share(columns[:, 0], columns[:, 1])


def _metric(name: str, title: str, statistic: Callable[[Columns], float], *, lower: bool = False) -> Metric:
    return Metric(
        name=name,
        title=title,
        source=_REFUSAL,
        better="lower" if lower else "higher",
        rows=together(refusal_columns, 2),
        statistic=statistic,
    )


METRICS = (
    _metric("refusal_precision", "Refusal precision", refusal_precision),
    _metric("refusal_recall", "Refusal recall", refusal_recall),
    _metric("refusal_f1", "Refusal F1", refusal_f1),
    _metric("false_answer_rate", "Answered though unanswerable", false_answer_rate, lower=True),
    _metric("false_refusal_rate", "Refused though answerable", false_refusal_rate, lower=True),
    Metric(
        name="dual_accuracy",
        title="Dual accuracy",
        source=_DUAL,
        better="higher",
        rows=dual_columns,
        statistic=dual_accuracy,
    ),
)
