"""A reranker without a language model: the best sentence of a text, or the picture's own score, as a probability.

For a text, the question is held against each sentence; for a picture, the first stage's background-normalised score
(``z_image``) counts. Both become a logistic probability, so that texts and pictures can stand in one list.
"""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

from foveate.chunking.passages import sentences
from foveate.locators import CharSpan
from foveate.records import Hit, Result
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.protocols import ImagePart

__all__ = ["SentenceReranker", "Weights", "content_words", "coverage", "sentences_of", "statements"]

Encode = Callable[[Sequence[str]], NDArray[np.float32]]

_HEADING_CHARS = 60
"""A line without a full stop is taken for a heading up to here."""
_REMEMBERED = 8192
"""Sentences whose vectors are kept: 52 MB at the 1,600 dimensions of ``mini``. A collection of 2,000 passages fits."""
_STEMMER = snowballstemmer.stemmer("english")
_STOP = frozenset(
    "a about an and any are as at be been but by can could did do does for from had has have how i in into is it "
    "its many me much my no not of on one or our out over picture pictures photo photos image images show shows "
    "shown so some tell that the their them there these they this those to up us was we were what when where "
    "which who whom whose why will with would you your find give list name".split()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """Logistic weights for ``mini``.

    The slopes come from ``python -m foveate.evals.fit_evidence`` on the sample's dev questions with even classes, run
    with the first head of ``mini``; they were not fitted again for the shipped one. The fitted intercepts put one half
    at cosine 0.34 and z 2.8, which chance reaches somewhere in a collection of a few hundred chunks; they were moved
    by hand to 0.40 and 4.0.
    """

    bias: float = -6.24
    """Log-odds of a text before anything is known of it."""
    sentence: float = 15.6
    """Per unit of cosine between the question and the best sentence."""
    picture_bias: float = -5.16
    """Log-odds of a picture before anything is known of it."""
    picture: float = 1.29
    """Per standard deviation of ``z_image``."""


def content_words(text: str) -> list[str]:
    """Words that carry meaning, lower case, stemmed (Porter2) so that ``cups`` meets ``cup``."""
    return [_stem(word) for word in re.findall(r"\w+", text.lower()) if word not in _STOP]


def coverage(question: str, text: str) -> float:
    """Share of the question's content words that stand in the text, in [0, 1]; 0 without content words."""
    wanted = set(content_words(question))
    return len(wanted & set(content_words(text))) / len(wanted) if wanted else 0.0


class SentenceReranker:
    """Scores each candidate alone, hence nothing depends on order or company."""

    name = "sentences"

    def __init__(self, encode_text: Encode, weights: Weights | None = None) -> None:
        self._encode = encode_text
        self._weights = weights or Weights()
        self._known: dict[str, NDArray[np.float32]] = {}

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Probabilities of being relevant, best first, ties by id. Pictures of the question are not looked at."""
        check_distinct(results)
        texts = [sentences_of(result) for result in results]
        flat = [sentence for group in texts for sentence in group]
        rows = await asyncio.to_thread(self._rows, [question, *flat])
        scored = []
        for result, group in zip(results, texts, strict=True):
            best = max((float(rows[question] @ rows[sentence]) for sentence in group), default=None)
            scored.append((result.chunk.id, self._probability(result, best)))
        return ranked(scored, by=self.name)

    def _rows(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """(d) vectors by text; a sentence that came up lately is not encoded again (hops share most of theirs)."""
        known = self._known
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if len(known) + len(fresh) > _REMEMBERED:
            known, fresh = {}, list(dict.fromkeys(texts))
        if fresh:
            # A new mapping each time: another question may be reading the old one in its own thread.
            self._known = known = known | dict(zip(fresh, self._encode(fresh), strict=True))
        return known

    def _probability(self, result: Result, best: float | None) -> float:
        weights = self._weights
        logits = []
        if best is not None:
            logits.append(weights.bias + weights.sentence * best)
        if picture := result.hit("z_image"):
            logits.append(weights.picture_bias + weights.picture * picture.score)
        return 1.0 / (1.0 + math.exp(-max(logits))) if logits else 0.0


@lru_cache(maxsize=8192)
def statements(text: str) -> tuple[CharSpan, ...]:
    """Sentences, a heading together with the sentence it heads: alone it states nothing, yet it names the subject.

    Remembered, because each hop looks at the same chunks again (a third of what the graph added to a question).
    """
    found: list[CharSpan] = []
    start: int | None = None
    for span in sentences(text):
        start = span.start if start is None else start
        if _states(text[span.start : span.end]):
            found.append(CharSpan(start=start, end=span.end))
            start = None
    if start is not None:
        found.append(CharSpan(start=start, end=len(text.rstrip())))
    return tuple(found)


def _states(sentence: str) -> bool:
    closed = sentence.rstrip("\"')]*_ ")[-1:] in tuple(".!?:;")
    return not sentence.startswith("#") and (closed or len(sentence) >= _HEADING_CHARS)


def sentences_of(result: Result) -> list[str]:
    """What a chunk states, sentence by sentence, and the chunk as a whole where there are several."""
    text = (result.chunk.text or "").strip()
    if not text:
        return []
    parts = [text[span.start : span.end] for span in statements(text)]
    return [*parts, text] if len(parts) > 1 else [text]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    stem: str = _STEMMER.stemWord(word)
    return stem
