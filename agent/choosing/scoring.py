"""Which option is right: by what was read, by what the evidence holds, by what the question's picture shows.

The options are held against evidence that was found without them: no option can plant itself, and the words of a
picture or a passage ("the answer is B") are evidence like any other, of which only the option's own words count.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foveate.agent.choosing.options import Option, same
from foveate.rerankers.reasoning.reader import holds
from foveate.rerankers.sentences import coverage
from foveate.retrievers.protocols import Encoder

__all__ = ["SIGNALS", "Scored", "score"]

SIGNALS = {
    "option_chance": "share of the best option",
    "option_lead": "log of the best option's share over the second's",
    "option_said": "1 where the short answer is one of the options, 0 where it is none of them",
    "option_held": "the most that evidence holding an option covers of the question",
    "option_held_lead": "the same less that of the next option",
    "option_type": "share of options that look like the short answer: number, year, code, name, word",
    "option_kinship": "cosine of the options' mean with the short answer",
    "option_topic": "cosine of the options' mean with the question",
    "options_alike": "mean cosine of the options with each other",
    "none_offered": "1 where an option says that none is right",
}
"""Signal -> what it is, for the trace and the documentation."""
_SAID, _HELD = 4.0, 3.0
"""Log-odds of an option that was read, and of one that stands in evidence which covers the question."""
_SHOWN, _SHOWN_BESIDE = 1.0, 0.3
"""Log-odds of a deviation by which the picture exceeds other words for it: where that is asked, and where not."""
_NUMBER = re.compile(r"^[+-]?[\d.,\s]*\d[\d.,\s]*%?$")
_CODE = re.compile(r"^[+.]?[A-Z0-9-]{1,5}$|^\.[a-z]{2,3}$|^\+[\d-]+$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """Options, weighed."""

    chances: tuple[float, ...]
    """Shares of the options, in their order; of one that says that none is right 0. Sum 1 where there is another."""
    choice: int | None
    """The likeliest; None where nothing speaks for any."""
    signals: Mapping[str, float]


def score(
    question: str,
    options: Sequence[Option],
    encoder: Encoder,
    *,
    short: str = "",
    texts: Sequence[str] = (),
    shown: Mapping[str, float] | None = None,
    asks_shown: bool = False,
) -> Scored:
    """Weigh options.

    Args:
        question: without them.
        options: in the asker's order; those that say the same share what they get.
        encoder: of texts.
        short: what the reader answered; empty for nothing.
        texts: what was read, best first.
        shown: option text -> deviations by which the question's picture exceeds other words for it.
        asks_shown: whether no more is asked than what the picture shows.
    """
    real = [i for i, option in enumerate(options) if not option.none]
    distinct = [i for n, i in enumerate(real) if not any(same(options[i].text, options[j].text) for j in real[:n])]
    said = np.array([float(_says(short, options[i].text)) for i in distinct])
    held = np.array([_held(question, options[i].text, texts) for i in distinct])
    seen = np.array([(shown or {}).get(options[i].text, math.nan) for i in distinct])
    logits = _SAID * said + _HELD * held + (_SHOWN if asks_shown else _SHOWN_BESIDE) * np.nan_to_num(seen, nan=0.0)
    shares = _softmax(logits)
    chances = [0.0] * len(options)
    for i in real:
        place = next(n for n, j in enumerate(distinct) if same(options[i].text, options[j].text))
        chances[i] = float(shares[place]) / sum(same(options[i].text, options[j].text) for j in real)
    nothing = not distinct or (not said.any() and not held.any() and np.isnan(seen).all())
    signals = _signals(question, [options[i].text for i in distinct], short, encoder)
    signals |= _told(said, held, shares, short)
    signals["none_offered"] = float(len(real) < len(options))
    best = None if nothing else distinct[int(shares.argmax())]
    known = {name: value for name, value in signals.items() if not math.isnan(value)}
    return Scored(chances=tuple(chances), choice=best, signals=known)


def _told(said: np.ndarray, held: np.ndarray, shares: np.ndarray, short: str) -> dict[str, float]:
    found = {"option_said": float(said.any()) if short and len(said) else math.nan}
    if len(shares):
        order, holding = np.sort(shares)[::-1], np.sort(held)[::-1]
        found |= {"option_chance": float(order[0]), "option_held": float(holding[0])}
        if len(shares) > 1:
            found["option_lead"] = math.log(max(order[0], 1e-6) / max(order[1], 1e-6))
            found["option_held_lead"] = float(holding[0] - holding[1])
    return found


def _signals(question: str, texts: Sequence[str], short: str, encoder: Encoder) -> dict[str, float]:
    """What the options are like, beside the question and the short answer."""
    if not texts:
        return {}
    rows = encoder.encode_text([question, *texts, *([short] if short else [])])
    own = rows[1 : 1 + len(texts)]
    middle = own.mean(axis=0)
    middle = middle / max(float(np.linalg.norm(middle)), 1e-6)
    found = {"option_topic": float(rows[0] @ middle)}
    if len(texts) > 1:
        alike = own @ own.T
        found["options_alike"] = float(alike[np.triu_indices(len(texts), 1)].mean())
    if short:
        found["option_kinship"] = float(rows[-1] @ middle)
        found["option_type"] = sum(_type(text) == _type(short) for text in texts) / len(texts)
    return found


def _says(short: str, option: str) -> bool:
    """Whether the short answer is this option: the same words, the same number, or the one inside the other."""
    if not short:
        return False
    if _NUMBER.match(short.strip()) or _NUMBER.match(option.strip()):
        return _digits(short) == _digits(option)
    return same(short, option) or holds(option, short) or holds(short, option)


def _held(question: str, option: str, texts: Sequence[str]) -> float:
    """The most that a text which holds the option covers of the question."""
    return max((coverage(question, text) for text in texts if holds(text, option)), default=0.0)


def _digits(text: str) -> str:
    return re.sub(r"[,\s]", "", text).strip(". ")


def _type(text: str) -> str:
    said = text.strip()
    if _CODE.match(said):
        return "number" if said.isdigit() else "code"
    if _NUMBER.match(said):
        return "number"
    return "name" if said[:1].isupper() else "word"


def _softmax(scores: np.ndarray) -> np.ndarray:
    if not len(scores):
        return scores
    powers = np.exp(scores - scores.max())
    shares: np.ndarray = powers / powers.sum()
    return shares
