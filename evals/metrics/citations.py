"""Evidence that was cited against the evidence a right answer rests on.

Citations are compared at the finest grain that both sides give: of a document and its third sentence the document
alone is enough, for not every system cites sentences. Supporting facts (HotpotQA) are compared at the benchmark's
grain: where it names a sentence or a stretch of film, so must the citation. Stretches match where they overlap.

A sample without facts and an output whose ``cited`` is None are not scored. With nothing cited recall is 0 and
precision is not scored: there is nothing that could be wrong.
"""

from collections.abc import Callable, Sequence

from foveate.evals.metrics.metric import Metric
from foveate.evals.metrics.scores import NAN, Score, alone
from foveate.evals.samples import Output, Place, Sample, Span

__all__ = ["METRICS", "carries", "carries_part", "cited_f1", "cited_precision", "cited_recall"]

_CITED = "share of places, after Gao et al. (ALCE), EMNLP 2023, with the benchmark's evidence in place of a judge"
_FACTS = "Yang et al. (HotpotQA), EMNLP 2018"

Carries = Callable[[Place, Place], bool]
"""Whether a cited place (first) holds a fact (second)."""


def carries(cited: Place, fact: Place) -> bool:
    """Same document, and no part that both name differs."""
    if cited.document != fact.document:
        return False
    if cited.sentence is not None and fact.sentence is not None and cited.sentence != fact.sentence:
        return False
    return cited.span is None or fact.span is None or _overlaps(cited.span, fact.span)


def carries_part(cited: Place, fact: Place) -> bool:
    """As :func:`carries`, and whatever part the fact names is named."""
    named = (fact.sentence is None or cited.sentence is not None) and (fact.span is None or cited.span is not None)
    return named and carries(cited, fact)


def _overlaps(one: Span, other: Span) -> bool:
    # A moment without length lies in a stretch that begins or ends there.
    return one == other or min(one[1], other[1]) > max(one[0], other[0]) or one[0] <= other[0] == other[1] <= one[1]


def cited_precision(cited: Sequence[Place], facts: Sequence[Place], carries: Carries = carries) -> float:
    """Share of distinct cited places that hold a fact; NaN with nothing cited or no facts."""
    places = set(cited)
    if not places or not facts:
        return NAN
    return sum(any(carries(place, fact) for fact in facts) for place in places) / len(places)


def cited_recall(cited: Sequence[Place], facts: Sequence[Place], carries: Carries = carries) -> float:
    """Share of distinct facts that some cited place holds; NaN without facts."""
    wanted = set(facts)
    if not wanted:
        return NAN
    return sum(any(carries(place, fact) for place in cited) for fact in wanted) / len(wanted)


def cited_f1(cited: Sequence[Place], facts: Sequence[Place], carries: Carries = carries) -> float:
    """Harmonic mean of the two; 0 with nothing cited, as in HotpotQA's script."""
    found = cited_recall(cited, facts, carries)
    if not cited or not facts:
        return found
    right = cited_precision(cited, facts, carries)
    return 2 * right * found / (right + found) if right + found else 0.0


def _score(measure: Callable[[Sequence[Place], Sequence[Place], Carries], float], carries: Carries) -> Score:
    def score(sample: Sample, output: Output) -> float:
        return NAN if output.cited is None else measure(output.cited, sample.facts, carries)

    return score


def _metric(
    name: str,
    title: str,
    source: str,
    measure: Callable[[Sequence[Place], Sequence[Place], Carries], float],
    carries: Carries,
) -> Metric:
    return Metric(name=name, title=title, source=source, better="higher", rows=alone(_score(measure, carries)))


METRICS = (
    _metric("citation_precision", "Citation precision", _CITED, cited_precision, carries),
    _metric("citation_recall", "Citation recall", _CITED, cited_recall, carries),
    _metric("fact_precision", "Supporting-fact precision", _FACTS, cited_precision, carries_part),
    _metric("fact_recall", "Supporting-fact recall", _FACTS, cited_recall, carries_part),
    _metric("fact_f1", "Supporting-fact F1", _FACTS, cited_f1, carries_part),
)
