"""Short answers in words against the accepted ones: exact match, token F1, ANLS, containment; options and classes.

One rule for all: a sample that a right system abstains on has no right words and is not scored; abstaining on any
other is a wrong answer; an output that says nothing is not scored.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from foveate.evals.metrics.metric import Metric
from foveate.evals.metrics.scores import NAN, Score, abstained, alone, open_to
from foveate.evals.samples import Output, Sample

__all__ = [
    "METRICS",
    "anls",
    "choice_accuracy",
    "contains",
    "exact_match",
    "label_accuracy",
    "normalised",
    "token_f1",
    "worded",
]

_SQUAD = "Rajpurkar et al., EMNLP 2016; Yang et al. (HotpotQA), EMNLP 2018"
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CLOSED = frozenset({"yes", "no", "noanswer"})
_THRESHOLD = 0.5
# Thai, Lao, Burmese, Khmer, kana and Han are written without spaces between words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

Words = Callable[[str, Sequence[str]], float]
"""A text and the accepted answers -> a value."""


def normalised(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, single spaces (SQuAD's script)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(text: str, answers: Sequence[str]) -> float:
    """1 where the text equals an accepted answer after :func:`normalised`, else 0."""
    said = normalised(text)
    return float(any(said == normalised(answer) for answer in answers))


def token_f1(text: str, answers: Sequence[str]) -> float:
    """F1 of the words in common, as bags, with the best of the accepted answers.

    HotpotQA's rule holds: yes, no and "noanswer" only match themselves.
    """
    return max((_f1(normalised(text), normalised(answer)) for answer in answers), default=NAN)


def _f1(said: str, right: str) -> float:
    if said == right:
        return 1.0
    if said in _CLOSED or right in _CLOSED:
        return 0.0
    said_words, right_words = said.split(), right.split()
    common = sum((Counter(said_words) & Counter(right_words)).values())
    return 2 * common / (len(said_words) + len(right_words)) if common else 0.0


def contains(text: str, answers: Sequence[str]) -> float:
    """1 where an accepted answer stands in the text, as whole words after :func:`normalised`, else 0.

    In scripts without spaces between words the answer may stand anywhere. An answer of which normalising leaves
    nothing is never found.
    """
    said = normalised(text)
    return float(any(_stands(answer, said) for answer in map(normalised, answers) if answer))


def _stands(answer: str, text: str) -> bool:
    return answer in text if _UNSPACED.search(answer) else f" {answer} " in f" {text} "


def anls(text: str, answers: Sequence[str]) -> float:
    """Average normalised Levenshtein similarity (Biten et al., ICCV 2019), of one text.

    Similarity is 1 minus edits over the longer length, without regard to case and runs of white space; what is not
    above 0.5 counts 0. The best of the accepted answers counts.
    """
    said = _plain(text)
    return max((_similarity(said, _plain(answer)) for answer in answers), default=NAN)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _similarity(one: str, other: str) -> float:
    longest = max(len(one), len(other))
    # Edits are at least the difference in length: a long reply to a short answer needs no table.
    if longest and abs(len(one) - len(other)) / longest >= _THRESHOLD:
        return 0.0
    share = _edits(one, other) / longest if longest else 0.0
    return 1.0 - share if share < _THRESHOLD else 0.0


def _edits(one: str, other: str) -> int:
    """Levenshtein distance, one row at a time."""
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        before, row = row, [i]
        for j, theirs in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (mine != theirs)))
    return row[-1]


def worded(words: Words, *, whole: bool = False) -> Score:
    """A score of what was said against ``Sample.answers`` under the rule above.

    Args:
        words: the score.
        whole: of ``Output.text``; else of ``Output.short`` where the system gives one: benchmarks' answers are short,
            and the sentences that carry an answer would count against it.
    """

    def score(sample: Sample, output: Output) -> float:
        if not open_to(sample) or not sample.answers:
            return NAN
        if abstained(output):
            return 0.0
        said = output.text if whole else output.short or output.text
        return NAN if said is None else words(said, sample.answers)

    return score


def choice_accuracy(sample: Sample, output: Output) -> float:
    """1 for the right option, else 0; -1, which names no option, is wrong."""
    if not open_to(sample) or sample.choice is None:
        return NAN
    if abstained(output):
        return 0.0
    return NAN if output.choice is None else float(output.choice == sample.choice)


def label_accuracy(sample: Sample, output: Output) -> float:
    """1 for the right class, else 0; case does not matter, and an empty label, which names no class, is wrong."""
    if not open_to(sample) or sample.label is None:
        return NAN
    if abstained(output):
        return 0.0
    return NAN if output.label is None else float(output.label.strip().casefold() == sample.label.strip().casefold())


def _metric(name: str, title: str, source: str, score: Score) -> Metric:
    return Metric(name=name, title=title, source=source, better="higher", rows=alone(score))


METRICS = (
    _metric("em", "Exact match", _SQUAD, worded(exact_match)),
    _metric("f1", "Token F1", _SQUAD, worded(token_f1)),
    _metric(
        "contains",
        "Accepted answer in the text",
        "substring match after SQuAD's normalisation",
        worded(contains, whole=True),
    ),
    _metric("anls", "Normalised Levenshtein similarity", "Biten et al., ICCV 2019", worded(anls)),
    _metric("choice_accuracy", "Right option", "share of options chosen right", choice_accuracy),
    _metric("label_accuracy", "Right class", "share of classes named right", label_accuracy),
)
