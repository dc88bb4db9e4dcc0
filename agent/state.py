"""What travels along the graph: ids, scores and short texts. Never pixels, never vectors, never passages.

Every value is JSON, so that a checkpoint holds nothing that must be imported to be read. Steps of a plan run side by
side, so what they add is merged by functions that do not mind the order.
"""

from typing import Annotated, Any, TypedDict

from foveate.usage import Usage

__all__ = ["AgentState", "EvidenceRef", "QuoteRef", "StepAnswer", "StepState", "Turn"]


class Turn(TypedDict):
    """A question of this thread and what was answered."""

    question: str
    answer: str


class EvidenceRef(TypedDict):
    """A chunk that a question turned up, with its probability of being relevant."""

    chunk_id: str
    score: float
    stages: dict[str, list[float]]
    """Stage -> [score, rank]."""
    hop: int
    """Round of retrieval in which it was found first, from 1."""
    step: int
    """Of the plan."""


class QuoteRef(TypedDict):
    """A stretch of a chunk's text that was read; ``end`` 0 stands for a picture told in words."""

    chunk_id: str
    start: int
    end: int
    words: str
    """What a model that cannot see is told of a picture; empty for a text."""
    step: int
    """Of the plan."""


class StepAnswer(TypedDict):
    """What a step of the plan came to."""

    query: str
    """With the answers of earlier steps filled in."""
    text: str
    """Words of the evidence, or a number that code counted; empty when nothing was found."""
    probability: float | None
    """What the reading model gave it; None where it was asked for none."""
    confidence: float
    """Probability that the step's best evidence is relevant."""
    quotes: list[QuoteRef]
    """What carries it, best first."""
    conflicts: list[QuoteRef]
    """What says otherwise."""
    rounds: int
    """Rounds of retrieval on the way here, those of the steps it needs included."""
    problem: str
    """Why there is no answer; empty where there is one."""


def merge_evidence(old: list[EvidenceRef], new: list[EvidenceRef]) -> list[EvidenceRef]:
    """Each chunk once, with its best score; best first, ties by id."""
    best: dict[str, EvidenceRef] = {}
    for ref in (*old, *new):
        known = best.get(ref["chunk_id"])
        if known is None or (-ref["score"], ref["step"], ref["hop"]) < (-known["score"], known["step"], known["hop"]):
            best[ref["chunk_id"]] = ref
    return sorted(best.values(), key=lambda ref: (-ref["score"], ref["chunk_id"]))


def merge_quotes(old: list[QuoteRef], new: list[QuoteRef]) -> list[QuoteRef]:
    """Each stretch once, by the step that read it first; a step's quotes keep their order."""
    seen: dict[tuple[str, int, int], QuoteRef] = {}
    for quote in sorted((*old, *new), key=lambda quote: quote["step"]):
        seen.setdefault((quote["chunk_id"], quote["start"], quote["end"]), quote)
    return list(seen.values())


def merge_answers(old: dict[str, StepAnswer], new: dict[str, StepAnswer]) -> dict[str, StepAnswer]:
    """By step."""
    return dict(sorted({**old, **new}.items()))


def merge_usage(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Sums; seconds of steps that ran side by side add up too."""
    total = Usage(**old) + Usage(**new)
    return total.to_dict() | {"seconds": dict(total.seconds), "seconds_saved": total.seconds_saved}


def merge_texts(old: list[str], new: list[str]) -> list[str]:
    """Each text once."""
    return list(dict.fromkeys((*old, *new)))


def merge_trace(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One after the other."""
    return [*old, *new]


class AgentState(TypedDict, total=False):
    """One question's state; ``turns`` alone outlives it within a thread."""

    question: str
    images: list[str]
    filters: str
    turns: list[Turn]
    started_s: float
    whole: str
    """The question without its options, completed from the thread."""
    options: list[dict[str, Any]]
    """To choose from: label, text, and whether it says that none is right."""
    route: str
    """``single_hop``, ``multi_hop``, ``picture``, ``film`` or ``collection``."""
    steps: list[dict[str, Any]]
    """The plan: id, kind, query, after."""
    answers: Annotated[dict[str, StepAnswer], merge_answers]
    searched: Annotated[list[str], merge_texts]
    evidence: Annotated[list[EvidenceRef], merge_evidence]
    quotes: Annotated[list[QuoteRef], merge_quotes]
    verdict: str
    reason: str
    confidence: float
    judgement: dict[str, Any]
    """What the judge came to; empty where nothing was weighed."""
    choice: int | None
    text: str
    short: str
    citations: list[dict[str, Any]]
    usage: Annotated[dict[str, Any], merge_usage]
    trace: Annotated[list[dict[str, Any]], merge_trace]


class StepState(TypedDict):
    """What one step of the plan is sent."""

    question: str
    images: list[str]
    filters: str
    started_s: float
    step: dict[str, Any]
    query: str
    """With answers filled in."""
    options: list[str]
    """Answers of the steps that a comparing step needs, in its order."""
    used: int
    """Rounds of retrieval before it."""
    after: int
    """Steps that wait for it, in a chain."""
    alone: bool
    """The whole question, which may need more than one look; a step of a chain was made to need one."""
