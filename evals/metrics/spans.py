"""Moments of films: how well the stretches named fit the right ones (Gao et al., TALL, ICCV 2017).

A sample without right moments, and an output that names none and does not abstain either, are not scored; abstaining,
or an empty list, scores 0.
"""

import math
from collections.abc import Callable, Sequence

from foveate.evals.metrics.metric import Metric
from foveate.evals.metrics.scores import NAN, Score, abstained, alone, open_to
from foveate.evals.samples import Output, Sample, Span

__all__ = ["METRICS", "mean_best", "moment_recall", "moments", "overlap", "recalled", "tiou_at"]

_SOURCE = "Gao et al. (TALL), ICCV 2017"


def overlap(one: Span, other: Span) -> float:
    """Intersection over union of two stretches, in [0, 1].

    Equal ones give 1 also where they last no time; one that ends before it starts, or has a bound that is no finite
    number, overlaps nothing.
    """
    if one[1] < one[0] or other[1] < other[0] or not all(map(math.isfinite, (*one, *other))):
        return 0.0
    if one == other:
        return 1.0
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared / (one[1] - one[0] + other[1] - other[0] - shared) if shared > 0 else 0.0


def mean_best(found: Sequence[Span], right: Sequence[Span]) -> float:
    """Mean over the right stretches of the best overlap that any found one has with it; NaN without right ones."""
    if not right:
        return NAN
    return sum(max((overlap(mine, theirs) for mine in found), default=0.0) for theirs in right) / len(right)


def recalled(found: Sequence[Span], right: Sequence[Span], k: int, least: float) -> float:
    """1 where one of the first ``k`` found overlaps a right stretch by at least ``least``, else 0; NaN without any."""
    if not right:
        return NAN
    return float(any(overlap(mine, theirs) >= least for mine in found[:k] for theirs in right))


def moments(score: Callable[[Sequence[Span], Sequence[Span]], float]) -> Score:
    """A score of ``Output.spans``, best first, against ``Sample.spans``."""

    def scored(sample: Sample, output: Output) -> float:
        if not open_to(sample) or not sample.spans:
            return NAN
        if abstained(output):
            return 0.0
        return NAN if output.spans is None else score(output.spans, sample.spans)

    return scored


def _metric(name: str, title: str, score: Score) -> Metric:
    return Metric(name=name, title=title, source=_SOURCE, better="higher", rows=alone(score))


def tiou_at(least: float) -> Metric:
    """R@1, IoU=m: the first moment overlaps a right one by at least ``least``."""
    score = moments(lambda found, right: recalled(found, right, 1, least))
    return _metric(f"tiou@{least:g}", f"First moment right at IoU {least:g}", score)


def moment_recall(k: int, least: float) -> Metric:
    """R@n, IoU=m: one of the first ``k`` moments overlaps a right one by at least ``least``."""
    score = moments(lambda found, right: recalled(found, right, k, least))
    return _metric(f"moment_recall@{k}:{least:g}", f"Moment in the first {k} at IoU {least:g}", score)


METRICS = (_metric("tiou", "Temporal IoU", moments(mean_best)),)
