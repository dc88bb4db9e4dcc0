"""Numbered yes/no answers, read strictly: ``[3] Yes``, a line each, and nothing that could be another's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from foveate.errors import ModelError
from foveate.rerankers.protocols import Judgement, Reply
from foveate.rerankers.yesno import read_alternatives
from foveate.usage import Usage

__all__ = ["Answer", "Answers", "probability_at", "read_answers"]

_NAMED = re.compile(r"\s*\[\s*(\d{1,6})\s*\](.*)", re.DOTALL)
_ANSWER = re.compile(r"\s*(yes|no)\s*\.?\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one line says."""

    yes: bool
    at: int
    """Place of its word in the text, in characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What a reply says of the candidates it was shown."""

    given: dict[int, Answer]
    """Number, from 1 -> answer; those without one are to be asked again."""
    faults: tuple[str, ...]
    """What was wrong with the reply, for the log."""


def read_answers(reply: Reply, count: int) -> Answers:
    """Read one line a candidate.

    A number that is named twice has no answer, even where both agree. A number that was not asked for means that the
    model counted otherwise (from 0, say), so that none of its answers can be trusted to be of the candidate it names.
    The last line of a reply that ran out of tokens does not count, since its word may go on.

    Args:
        reply: of the model; only what follows the last ``</think>`` is read.
        count: candidates shown, numbered from 1.
    """
    given: dict[int, Answer] = {}
    named: dict[int, int] = {}
    for number, line_at, rest in _lines(reply):
        named[number] = named.get(number, 0) + 1
        if (found := _ANSWER.fullmatch(rest)) is not None:
            given[number] = Answer(yes=found[1].casefold() == "yes", at=line_at + found.start(1))
    if foreign := sorted(number for number in named if not 1 <= number <= count):
        return Answers(given={}, faults=(f"foreign numbers {foreign[:5]}",))
    repeated = sorted(number for number, times in named.items() if times > 1)
    kept = {number: answer for number, answer in given.items() if number not in repeated}
    missing = [number for number in range(1, count + 1) if number not in kept and number not in repeated]
    faults = [f"{what} {numbers[:5]}" for what, numbers in (("repeated", repeated), ("missing", missing)) if numbers]
    return Answers(given=kept, faults=tuple(faults))


def probability_at(reply: Reply, answer: Answer, *, name: str) -> float | None:
    """The share of yes at the word of an answer; None where the reply's tokens do not show it.

    Raises:
        ServiceError: the log-probabilities there are none.
    """
    joined = "".join(token.token for token in reply.logprobs)
    # Some servers strip the text and not its tokens.
    start = joined.find(reply.text)
    if start < 0:
        return None
    end = 0
    for token in reply.logprobs:
        end += len(token.token)
        if end > start + answer.at:
            try:
                yes, no = read_alternatives(token, name=name)
            except ModelError:
                return None
            return Judgement(yes=yes, no=no, usage=Usage()).probability
    return None


def _lines(reply: Reply) -> Iterator[tuple[int, int, str]]:
    """(number, place of what follows it, what follows it) of each line that begins with a number."""
    said = reply.text.rpartition("</think>")[2]
    at = len(reply.text) - len(said)
    lines = said.splitlines(keepends=True)
    if reply.finish == "length" and lines and lines[-1] == lines[-1].rstrip("\r\n"):
        lines.pop()
    for line in lines:
        if (found := _NAMED.fullmatch(line)) is not None:
            yield int(found[1]), at + found.start(2), found[2]
        at += len(line)
