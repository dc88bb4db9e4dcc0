"""Yes or no, read off log-probabilities: over a whole vocabulary in process, over a server's alternatives elsewhere.

The score of SETR and RagVL: a softmax over the two answers, each the sum of all its spellings.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from foveate.errors import ModelError, ServiceError
from foveate.rerankers.protocols import Judgement, Reply, TokenLogprob

__all__ = ["TOP", "AnswerTokens", "answer_of", "answer_tokens", "judgement_of", "log_sum", "read_alternatives"]

TOP = 20
"""Alternatives asked of a server, the most that the protocol allows."""
_ANSWERS: tuple[Literal["yes", "no"], ...] = ("yes", "no")
_FIRST = ("Yes", "No")
# Byte-level BPE writes a space as U+0120 and a line feed as U+010A, SentencePiece writes a space as U+2581.
_SPACES = " \t\r\n\u0120\u010a\u2581"
_BYTES = re.compile(r"(?:<0x([0-9A-Fa-f]{2})>)+")
# Three ways to write the letters (yes, Yes, YES), with and without a space: what one answer has in most vocabularies.
_SPELLINGS = 6
_ROUNDING = 1e-3
_IMPOSSIBLE = -1e4
"""Natural logarithm that stands for none: servers write -9999 or -inf for what they did not compute."""


def answer_of(token: str) -> Literal["yes", "no"] | None:
    """What a token answers when it is a whole word, whatever its case, spaces and the tokenizer's way to write them."""
    word = _readable(token).strip(_SPACES).casefold()
    return next((answer for answer in _ANSWERS if word == answer), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerTokens:
    """Ids of the tokens that answer, each list ascending."""

    yes: tuple[int, ...]
    no: tuple[int, ...]


def answer_tokens(
    vocabulary: Mapping[str, int], encode: Callable[[str], Sequence[int]], *, control: frozenset[int], name: str
) -> AnswerTokens:
    """All spellings of yes and of no that are one token.

    A vocabulary that holds no such token for one of the answers is asked how it begins ``Yes`` and ``No``; those
    first tokens count where they differ.

    Args:
        vocabulary: token, as the tokenizer writes it -> id.
        encode: text -> ids, without control tokens.
        control: ids that never answer.
        name: of the model, for the message.

    Raises:
        ModelError: the two answers begin with the same token.
    """
    found: dict[str, set[int]] = {answer: set() for answer in _ANSWERS}
    for token, at in vocabulary.items():
        if at not in control and (answer := answer_of(token)) is not None:
            found[answer].add(at)
    if not all(found.values()):
        first = {answer: list(encode(word))[:1] for answer, word in zip(_ANSWERS, _FIRST, strict=True)}
        if first["yes"] == first["no"] or not all(first.values()):
            raise ModelError(f"model {name!r} cannot be asked for yes or no: its tokenizer begins both alike")
        found = {answer: found[answer] or set(first[answer]) for answer in _ANSWERS}
    return AnswerTokens(yes=tuple(sorted(found["yes"])), no=tuple(sorted(found["no"])))


def judgement_of(reply: Reply, *, name: str) -> Judgement:
    """What a served reply answers, from the alternatives of its first token.

    Raises:
        ServiceError: the server gave no log-probabilities, or values that are none.
        ModelError: neither answer is among the alternatives.
    """
    if not reply.logprobs:
        raise ServiceError(
            f"the server of model {name!r} gave no log-probabilities with its reply {reply.text[:40]!r}; "
            f"yes/no judgements need logprobs=true with top_logprobs={TOP}"
        )
    yes, no = read_alternatives(reply.logprobs[0], name=name)
    return Judgement(yes=yes, no=no, usage=reply.usage)


def read_alternatives(token: TokenLogprob, *, name: str) -> tuple[float, float]:
    """Log-probabilities of yes and of no at the place of one generated token.

    Where only one answer is among the alternatives, the other gets the most it can have: all that the alternatives
    leave, but no more than six spellings as likely as the least likely alternative, since whatever is not listed is
    less likely than what is. So the judgement is never surer than what the server showed.

    Raises:
        ServiceError: a value is NaN or above 0, or the alternatives sum to more than 1.
        ModelError: neither answer is among them.
    """
    listed = list(token.top)
    # Some servers leave the token that was taken out of the list, some write it there with another space.
    if all(text != token.token and value != token.logprob for text, value in listed):
        listed.append((token.token, token.logprob))
    _check(listed, name)
    values: dict[str, list[float]] = {answer: [] for answer in _ANSWERS}
    for text, value in listed:
        if (answer := answer_of(text)) is not None and value > _IMPOSSIBLE:
            values[answer].append(value)
    if not any(values.values()):
        likeliest = ", ".join(repr(text[:20]) for text, _ in sorted(listed, key=lambda pair: -pair[1])[:5])
        raise ModelError(
            f"model {name!r} answered neither yes nor no: not among its {len(listed)} likeliest tokens "
            f"({likeliest} ...); another tokenizer, another chat template or another model is behind this name"
        )
    rest = _rest([value for _, value in listed])
    yes, no = (log_sum(values[answer]) if values[answer] else rest for answer in _ANSWERS)
    return yes, no


def log_sum(values: Sequence[float]) -> float:
    """Logarithm of the sum of probabilities that are given as logarithms."""
    peak = max(values)
    return peak + math.log(sum(math.exp(value - peak) for value in values))


def _rest(values: Sequence[float]) -> float:
    left = max(1.0 - sum(math.exp(value) for value in values), 0.0)
    least = min(value for value in values if value > _IMPOSSIBLE)
    return min(math.log(left) if left > 0 else _IMPOSSIBLE, least + math.log(_SPELLINGS))


def _check(listed: Sequence[tuple[str, float]], name: str) -> None:
    for text, value in listed:
        if math.isnan(value) or value > _ROUNDING:
            raise ServiceError(
                f"the server of model {name!r} gave token {text[:20]!r} the log-probability {value}; "
                "allowed are numbers up to 0"
            )
    total = sum(math.exp(value) for _, value in listed)
    if total > 1.0 + 10 * _ROUNDING:
        raise ServiceError(f"the server of model {name!r} gave log-probabilities that sum to {total:.3f}, more than 1")


def _readable(token: str) -> str:
    r"""A token told in bytes (``bytes:\x20yes`` of OpenAI, ``<0x59>`` of SentencePiece) as its text."""
    if token.startswith("bytes:"):
        raw = token.removeprefix("bytes:")
        return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), raw)
    if _BYTES.fullmatch(token):
        return bytes.fromhex(token.replace("<0x", "").replace(">", "")).decode("utf-8", "replace")
    return token
