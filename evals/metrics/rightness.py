"""Whether one answer is right: the event that confidence is about, whatever kind of question it was.

The first of these that the benchmark gives decides; where the output does not say it, rightness is unknown:

1. ``answerable`` is False: abstaining is right, as is choosing the option that the benchmark gives for it ("none of
   the above"); anything else that was said is wrong.
2. The system abstained: wrong, if the benchmark gives anything at all to be right.
3. ``choice``: the right option. 4. ``label``: the right class.
5. ``answers``: an accepted answer stands in the text (:func:`foveate.evals.metrics.answers.contains`), or equals it.
   This is lenient towards whole sentences, which is how agents answer.
6. ``pairs``: every picture of the matching sample prefers its own text, and every text its own picture.
7. ``spans``: the first moment overlaps a right one by half. 8. ``facts``: the first place cited holds one of them.
9. ``relevant``: the first document ranked is relevant.
"""

from collections.abc import Callable

from foveate.evals.metrics.answers import choice_accuracy, contains, exact_match, label_accuracy, worded
from foveate.evals.metrics.citations import carries
from foveate.evals.metrics.matching import group_score
from foveate.evals.metrics.metric import Context, Metric
from foveate.evals.metrics.scores import NAN, Score, abstained, alone
from foveate.evals.metrics.spans import moments, recalled
from foveate.evals.samples import Output, Sample

__all__ = ["METRICS", "right"]

_HALF = 0.5


def right(sample: Sample, output: Output) -> float:
    """1 where the output is right, 0 where it is wrong, NaN where that cannot be told: see the module."""
    if sample.answerable is False:
        return _declined(sample, output)
    for given, score in _KINDS:
        if given(sample):
            return 0.0 if abstained(output) else score(sample, output)
    return NAN


def _declined(sample: Sample, output: Output) -> float:
    if abstained(output) or (sample.choice is not None and output.choice == sample.choice):
        return 1.0
    said = (output.verdict, output.choice, output.label, output.text)
    return 0.0 if any(value is not None for value in said) else NAN


def _first_cited(sample: Sample, output: Output) -> float:
    if output.cited is None:
        return NAN
    return float(any(carries(place, fact) for place in output.cited[:1] for fact in sample.facts))


def _first_ranked(sample: Sample, output: Output) -> float:
    if output.ranking is None:
        return NAN
    return float(any(sample.relevant.get(name, 0.0) > 0 for name, _ in output.ranking[:1]))


def _matched(sample: Sample, output: Output) -> float:
    return float(group_score([sample], [output], Context())[0, 0])


_KINDS: tuple[tuple[Callable[[Sample], bool], Score], ...] = (
    (lambda sample: sample.choice is not None, choice_accuracy),
    (lambda sample: sample.label is not None, label_accuracy),
    (
        lambda sample: bool(sample.answers),
        worded(lambda text, answers: max(contains(text, answers), exact_match(text, answers)), whole=True),
    ),
    (lambda sample: bool(sample.pairs), _matched),
    (lambda sample: bool(sample.spans), moments(lambda found, right: recalled(found, right, 1, _HALF))),
    (lambda sample: bool(sample.facts), _first_cited),
    (lambda sample: any(gain > 0 for gain in sample.relevant.values()), _first_ranked),
)

METRICS = (
    Metric(
        name="accuracy",
        title="Accuracy",
        source="share of samples whose answer is right: foveate.evals.metrics.rightness",
        better="higher",
        rows=alone(right),
    ),
)
