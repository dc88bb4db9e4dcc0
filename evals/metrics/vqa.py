"""VQA accuracy by the published normalisation (Antol et al., ICCV 2015; Goyal et al., CVPR 2017).

The answer and those of the annotators are normalised alike, as in the published script since its correction of 2021.
One thing differs: where all annotators agree to the letter, the script normalises neither side, so that "Yes" misses a
unanimous "yes". Here both are always normalised, which can only find more, and only there.
"""

import re
from collections import Counter
from collections.abc import Sequence

from foveate.evals.metrics.answers import worded
from foveate.evals.metrics.metric import Metric
from foveate.evals.metrics.scores import NAN, alone

__all__ = ["METRICS", "normalised", "vqa_accuracy"]

_ENOUGH = 3
"""Annotators that must agree for a whole point."""
_PANEL = 10
"""Annotators from which on accuracy is the mean over leaving each of them out."""
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_THOUSANDS = re.compile(r"\d,\d")
# The script means to spare points inside numbers; its look-behind is miswritten, so only what follows decides.
_POINT = re.compile(r"\.(?!\d)")
_NUMBERS = {word: str(i) for i, word in enumerate("zero one two three four five six seven eight nine ten".split())}
_NUMBERS["none"] = "0"
_ARTICLES = frozenset({"a", "an", "the"})
_FORMS = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've
he's how'd how'll how's I'd've I'm I've isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've
needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll
somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd
there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll
what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't
would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""


def _short_of_one(form: str) -> list[str]:
    """The form with each of its apostrophes left out in turn."""
    return [form[:at] + form[at + 1 :] for at, letter in enumerate(form) if letter == "'"]


_CONTRACTIONS = {wrong: form for form in _FORMS.split() for wrong in _short_of_one(form)}
# As published: this one goes the other way. "I'm" and its like never match, for words are in lower case by then.
_CONTRACTIONS["somebody'd"] = "somebodyd"


def normalised(text: str) -> str:
    """The published script's form of an answer.

    Punctuation goes, or becomes a space inside words; number words up to ten become digits; articles go; contractions
    get their apostrophe back; lower case.
    """
    text = _unpunctuated(text.replace("\n", " ").replace("\t", " ").strip())
    words = (_NUMBERS.get(word, word) for word in text.lower().split())
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def _unpunctuated(text: str) -> str:
    plain = text
    thousands = _THOUSANDS.search(text) is not None
    for mark in _PUNCTUATION:
        # Judged on the text as it was: one "1,000" or one space at a mark takes all of that mark without a space.
        apart = f"{mark} " in text or f" {mark}" in text
        plain = plain.replace(mark, "" if apart or thousands else " ")
    return _POINT.sub("", plain)


def vqa_accuracy(text: str, answers: Sequence[str]) -> float:
    """min(annotators who said so / 3, 1).

    With ten annotators or more: its mean over leaving each of them out, as published. With fewer, all are counted at
    once and a whole point takes as many as agree on the most frequent answer, three at most: of one reference, or of
    alternatives that each stand there once, any one will do.

    Args:
        text: the answer.
        answers: the annotators' answers with their repeats.

    Returns:
        A value in [0, 1]; NaN without answers.
    """
    if not answers:
        return NAN
    counts = Counter(map(normalised, answers))
    same, total = counts[normalised(text)], len(answers)
    if total < _PANEL:
        return min(same / min(_ENOUGH, max(counts.values())), 1.0)
    # Leaving out one of those who agree leaves same - 1; leaving out another leaves all.
    return (same * min((same - 1) / _ENOUGH, 1.0) + (total - same) * min(same / _ENOUGH, 1.0)) / total


METRICS = (
    Metric(
        name="vqa_accuracy",
        title="VQA accuracy",
        source="Antol et al., ICCV 2015; Goyal et al., CVPR 2017",
        better="higher",
        rows=alone(worded(vqa_accuracy)),
    ),
)
