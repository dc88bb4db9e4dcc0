"""Choosing among sampled answers: those whose reasons the evidence does not carry have no vote.

Self-consistency (Wang et al., ICLR 2023) takes the answer most samples agree on, however they came to it. As in
"Minds versus Machines" (Sanyal et al., 2024) a sample is heard here only if the evidence entails every sentence of its
rationale and the rationale entails its answer; votes weigh what both are worth.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from foveate.chunking.passages import sentences
from foveate.errors import CallerError
from foveate.rerankers.reasoning.entailment import Entailment
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.usage import Usage

__all__ = ["Candidate", "Checked", "Chosen", "choose", "majority", "statement_of", "vote"]

_JOINED_CHARS = 3000
"""Evidence up to here is also read in one: a sentence of a rationale may rest on two pieces."""
_WORDS = re.compile(r"\w+(?:[.,]\d+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One sampled answer and the reasons given for it."""

    answer: str
    rationale: str
    statement: str = ""
    """The answer as a whole sentence that can be true; empty makes one of question and answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A candidate with what its two steps are worth."""

    candidate: Candidate
    grounded: float
    """Probability that the evidence entails the rationale: that of its weakest sentence. NaN where unknown."""
    follows: float
    """Probability that the rationale entails the answer. NaN where unknown."""

    @property
    def weight(self) -> float:
        """Of its vote: the product of both."""
        return self.grounded * self.follows

    def holds(self, bar: float) -> bool:
        """Whether both steps reach ``bar``; what is unknown does not."""
        return self.grounded >= bar and self.follows >= bar


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The outcome of a vote."""

    answer: str | None
    """None where no candidate holds: without carried reasons nothing is answered."""
    share: float
    """Of all candidates' votes, dropped ones counted in full, that the answer got; in [0, 1]."""
    votes: tuple[tuple[str, float], ...]
    """(answer, summed weight), best first."""
    dropped: tuple[Checked, ...]
    majority: str | None
    """What counting every candidate once would have chosen."""
    usage: Usage = field(default_factory=Usage)


async def choose(
    candidates: Sequence[Candidate],
    evidence: Sequence[str],
    verifier: Verifier,
    *,
    question: str = "",
    bar: float = 0.5,
) -> Chosen:
    """Check every candidate against the evidence, then let those that hold vote.

    Args:
        candidates: sampled; those without rationale are dropped.
        evidence: what was read; nothing drops them all.
        verifier: judges both steps.
        question: makes statements of bare answers.
        bar: both steps must reach it, in (0, 1].

    Raises:
        CallerError: a bad bar, or a candidate without an answer.
        ModelError, ServiceError: the verifier failed.
    """
    steps = [sentences_of(candidate.rationale) for candidate in candidates]
    premises = _premises(evidence)
    first = [(step, premise) for step in dict.fromkeys(one for row in steps for one in row) for premise in premises]
    second = [(statement_of(one, question), one.rationale) for one in candidates if one.rationale.strip()]
    said = await verifier.verify([*first, *second])
    known = dict(zip([*first, *second], said, strict=True))
    checked = [
        Checked(
            candidate=candidate,
            grounded=min((_best(step, premises, known) for step in row), default=0.0),
            follows=_entailed(known, statement_of(candidate, question), candidate.rationale),
        )
        for candidate, row in zip(candidates, steps, strict=True)
    ]
    return vote(checked, bar=bar, usage=sum((one.usage for one in said), start=Usage()))


def vote(checked: Sequence[Checked], *, bar: float = 0.5, usage: Usage | None = None) -> Chosen:
    """Weighted vote of the candidates that hold. The order of the candidates changes nothing.

    Raises:
        CallerError: a bar outside (0, 1], or a candidate without an answer.
    """
    if not 0.0 < bar <= 1.0:
        raise CallerError(f"bar is {bar!r}; allowed are numbers above 0, up to 1")
    kept = [one for one in checked if one.holds(bar)]
    groups: dict[str, list[Checked]] = {}
    for one in kept:
        groups.setdefault(_key(one.candidate.answer), []).append(one)
    tally = sorted(
        ((sum(sorted(one.weight for one in group)), key) for key, group in groups.items()),
        key=lambda item: (-item[0], item[1]),
    )
    names = {key: _spelling(group) for key, group in groups.items()}
    dropped = tuple(one for one in checked if not one.holds(bar))
    whole = sum(total for total, _ in tally) + len(dropped)
    return Chosen(
        answer=names[tally[0][1]] if tally else None,
        share=tally[0][0] / whole if tally else 0.0,
        votes=tuple((names[key], total) for total, key in tally),
        dropped=dropped,
        majority=majority([one.candidate.answer for one in checked]),
        usage=usage or Usage(),
    )


def majority(answers: Sequence[str]) -> str | None:
    """The answer given most often, whatever its case and punctuation; ties by the alphabet; None without answers."""
    counts = Counter(map(_key, answers))
    if not counts:
        return None
    best = min(counts, key=lambda key: (-counts[key], key))
    return min(answer for answer in answers if _key(answer) == best)


def statement_of(candidate: Candidate, question: str) -> str:
    """What a rationale must entail."""
    if candidate.statement.strip():
        return candidate.statement.strip()
    return f"The answer to {question.strip()!r} is {candidate.answer}." if question.strip() else candidate.answer


def sentences_of(rationale: str) -> list[str]:
    """Sentences that say something."""
    parts = [rationale[span.start : span.end].strip() for span in sentences(rationale)]
    return [part for part in parts if _WORDS.search(part)]


def _premises(evidence: Sequence[str]) -> list[str]:
    pieces = list(dict.fromkeys(" ".join(piece.split()) for piece in evidence if piece.strip()))
    joined = " ".join(sorted(pieces))
    return [*pieces, joined] if len(pieces) > 1 and len(joined) <= _JOINED_CHARS else pieces


def _best(step: str, premises: Sequence[str], known: dict[tuple[str, str], Entailment]) -> float:
    found = [_entailed(known, step, premise) for premise in premises]
    return max((value for value in found if value == value), default=0.0)


def _entailed(known: dict[tuple[str, str], Entailment], claim: str, premise: str) -> float:
    one = known.get((claim, premise))
    return one.entailed if one is not None else 0.0


def _spelling(group: Sequence[Checked]) -> str:
    """As the weightiest candidate writes it."""
    return min(group, key=lambda one: (-one.weight, one.candidate.answer)).candidate.answer


def _key(answer: str) -> str:
    words = _WORDS.findall(answer.casefold())
    if not words:
        raise CallerError(f"a candidate's answer is {answer!r}; it must hold a word")
    return " ".join(words)
