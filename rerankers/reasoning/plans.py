"""A plan: sub-questions that depend on each other without a circle, each with what it asks of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from foveate.errors import CallerError

__all__ = ["KINDS", "Kind", "Plan", "Step", "fill", "lines", "plain", "ready", "references"]

Kind = Literal["any", "text", "image", "film", "picture", "count", "most", "least"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""``any`` to ``film``: what is searched. ``picture``: the asker's own picture. ``count``: how many of the collection.
``most`` and ``least``: no search; which of the options, separated by ``;`` in the order of the steps it needs, had the
largest or smallest number as its answer."""
_REFERENCE = re.compile(r"#(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One sub-question."""

    id: int
    """From 1."""
    kind: Kind
    query: str
    """``#1`` stands for the answer of step 1."""
    after: tuple[int, ...] = ()
    """Steps whose answers it needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Steps in an order in which each comes after those it needs; the last one answers the question."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        known: set[int] = set()
        for step in self.steps:
            if step.id in known:
                raise CallerError(f"plan: step {step.id} stands twice")
            if missing := [need for need in step.after if need not in known]:
                later = {one.id for one in self.steps}
                what = "a later step or itself" if missing[0] in later else "no step"
                raise CallerError(f"plan: step {step.id} needs {missing[0]}, which is {what}")
            if extra := sorted(references(step.query) - set(step.after)):
                raise CallerError(f"plan: step {step.id} speaks of #{extra[0]}, which it does not need")
            known.add(step.id)
        if not self.steps:
            raise CallerError("plan: no step")

    @property
    def hops(self) -> int:
        """Length of the longest chain."""
        depth: dict[int, int] = {}
        for step in self.steps:
            depth[step.id] = 1 + max((depth[need] for need in step.after), default=0)
        return max(depth.values())


def references(query: str) -> set[int]:
    """Numbers of the steps whose answers a query speaks of."""
    return {int(number) for number in _REFERENCE.findall(query)}


def plain(question: str, kind: Kind = "any") -> Plan:
    """The plan of one step: the question itself."""
    # A question may hold "#1" of its own; in a step it would stand for an answer.
    return Plan(steps=(Step(id=1, kind=kind, query=_REFERENCE.sub(r"# \1", question)),))


def ready(plan: Plan, answers: Mapping[int, str]) -> list[Step]:
    """Steps that can be taken now: not answered, and all they need is. They can be taken at the same time."""
    return [step for step in plan.steps if step.id not in answers and all(need in answers for need in step.after)]


def fill(query: str, answers: Mapping[int, str]) -> str:
    """The query with the answers in place of ``#1``."""
    return _REFERENCE.sub(lambda found: answers[int(found[1])], query)


def lines(steps: Sequence[Step]) -> str:
    """A plan as models write it and :mod:`foveate.rerankers.reasoning.planner` reads it."""
    return "\n".join(
        f"{step.id} | {step.kind} | {step.query} | {', '.join(map(str, step.after)) or '-'}" for step in steps
    )
