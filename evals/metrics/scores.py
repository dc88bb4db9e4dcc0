"""From a function of one sample and its output to the rows of a metric, and what every such function must agree on."""

from collections.abc import Callable, Sequence

import numpy as np

from foveate.evals.metrics.metric import Columns, Context
from foveate.evals.samples import Output, Sample

__all__ = ["NAN", "Rows", "Score", "abstained", "alone", "open_to", "sureness", "together"]

NAN = float("nan")
"""Not scored."""

Score = Callable[[Sample, Output], float]
"""One sample with its output -> a value; NaN where it cannot be scored."""
Rows = Callable[[Sequence[Sample], Sequence[Output], Context], Columns]
"""As :attr:`Metric.rows`."""


def abstained(output: Output) -> bool:
    """The system said that it cannot tell."""
    return output.verdict == "unanswerable"


def sureness(output: Output) -> float:
    """The output's confidence; NaN where it gave none or what it gave is no probability."""
    confidence = NAN if output.confidence is None else output.confidence
    return confidence if 0.0 <= confidence <= 1.0 else NAN


def open_to(sample: Sample) -> bool:
    """An answer can be right here: the benchmark does not say that a right system abstains."""
    return sample.answerable is not False


def alone(score: Score) -> Rows:
    """Rows of one column."""
    return together(lambda sample, output: (score(sample, output),), 1)


def together(scores: Callable[[Sample, Output], Sequence[float]], width: int) -> Rows:
    """Rows of ``width`` columns, one sample at a time."""

    def rows(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
        del context
        values = [scores(sample, output) for sample, output in zip(samples, outputs, strict=True)]
        return np.array(values, dtype=np.float64).reshape(len(samples), width)

    return rows
