"""Plans by a language model: parsed strictly, checked against the question, replaced by one plain step when wrong."""

import re
from dataclasses import dataclass
from typing import get_args

from foveate.errors import CallerError, ModelError, ServiceError
from foveate.rerankers.protocols import ChatModel, Sampling
from foveate.rerankers.reasoning.plans import Kind, Plan, Step, plain
from foveate.rerankers.reasoning.prompts import plan_prompt
from foveate.usage import Usage

__all__ = ["Planned", "Planner", "check_plan", "parse_plan"]

_MAX_STEPS = 8
_MAX_QUERY = 500
"""Characters of a step."""
_MAX_TOKENS = 160
_LONG_QUESTION = 2000
"""Characters. A longer question is not planned: it would fill the context, and is mostly pasted text."""
_KINDS = frozenset(get_args(Kind))
_NUMBER = re.compile(r"(?<!#)\b\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<!^)(?<![.!?;]\s)\b[^\W\d_]*[A-Z][^\W\d_]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A plan and where it comes from."""

    plan: Plan
    usage: Usage
    problem: str | None = None
    """Why the model's plan was not taken; the plan is then the question itself."""
    reply: str = ""
    """What the model wrote."""


class Planner:
    """Asks a chat model for steps. Evidence is never shown to it, hence nothing found can change a plan."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    async def plan(self, question: str, *, pictures: int = 0) -> Planned:
        """Steps of a question; one plain step where the model fails, which the record says.

        Args:
            question: in plain words.
            pictures: how many the question brings: without one, no step can be of kind ``picture``.
        """
        if len(question) > _LONG_QUESTION:
            return Planned(plan=plain(question), usage=Usage(), problem=f"longer than {_LONG_QUESTION} characters")
        try:
            reply = await self._chat.chat(plan_prompt(question), Sampling(max_tokens=_MAX_TOKENS, stop=("\n\n",)))
        except (ModelError, ServiceError, CallerError) as error:
            return Planned(plan=plain(question), usage=Usage(), problem=f"{type(error).__name__}: {error}")
        try:
            if reply.finish == "length":
                raise CallerError(f"plan: not ended after {_MAX_TOKENS} tokens")
            found = parse_plan(reply.text)
            check_plan(found, question, pictures=pictures)
        except CallerError as error:
            return Planned(plan=plain(question), usage=reply.usage, problem=str(error), reply=reply.text)
        return Planned(plan=found, usage=reply.usage, reply=reply.text)


def parse_plan(text: str) -> Plan:
    """Read ``number | kind | question | needs`` lines.

    Raises:
        CallerError: any line that is not of this form, an unknown kind, a circle, a step that is not there; names it.
    """
    rows = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(rows) > _MAX_STEPS:
        raise CallerError(f"plan: {len(rows)} steps; allowed are {_MAX_STEPS}")
    return Plan(steps=tuple(_step(row) for row in rows))


def check_plan(plan: Plan, question: str, *, pictures: int = 0) -> None:
    """Refuse a plan that does not fit its question.

    No step may bring a name or number that the question does not hold, none of the question's names may be lost, every
    step must serve the last one, and what asks of a picture needs one.

    Raises:
        CallerError: what is wrong.
    """
    asked = question.casefold()
    whole = " ".join(step.query for step in plan.steps).casefold()
    for step in plan.steps:
        for token in (*_NUMBER.findall(step.query), *_NAME.findall(step.query)):
            if token.casefold() not in asked:
                raise CallerError(f"plan: step {step.id} speaks of {token!r}, which the question does not")
        if step.kind == "picture" and not pictures:
            raise CallerError(f"plan: step {step.id} asks of a picture, and the question brings none")
        if step.kind in ("most", "least") and len(step.query.split(";")) != len(step.after):
            raise CallerError(
                f"plan: step {step.id} compares {len(step.after)} answers of other options: {step.query!r}"
            )
    if lost := [name for name in _NAME.findall(question) if name.casefold() not in whole]:
        raise CallerError(f"plan: no step speaks of {lost[0]!r}")
    needed = {plan.steps[-1].id}
    for step in reversed(plan.steps):
        if step.id in needed:
            needed |= set(step.after)
    if idle := [step.id for step in plan.steps if step.id not in needed]:
        raise CallerError(f"plan: step {idle[0]} serves no other")


def _step(row: str) -> Step:
    cells = [cell.strip() for cell in row.split("|")]
    if len(cells) != 4:
        raise CallerError(f"plan: {row!r:.80} has {len(cells)} cells; it must have 4")
    number, kind, query, needs = cells
    if not number.isascii() or not number.isdigit():
        raise CallerError(f"plan: {number!r:.20} is not the number of a step")
    if kind not in _KINDS:
        raise CallerError(f"plan: kind {kind!r:.20} is unknown; known: {', '.join(get_args(Kind))}")
    if not query or len(query) > _MAX_QUERY:
        raise CallerError(f"plan: step {number} has {len(query)} characters; allowed are 1 to {_MAX_QUERY}")
    after = [] if needs == "-" else [need.strip() for need in needs.split(",")]
    if bad := [need for need in after if not (need.isascii() and need.isdigit())]:
        raise CallerError(f"plan: step {number} needs {bad[0]!r:.20}, which is not the number of a step")
    chosen: Kind = kind  # type: ignore[assignment]  # checked against the very literals above
    return Step(id=int(number), kind=chosen, query=query, after=tuple(dict.fromkeys(int(need) for need in after)))
