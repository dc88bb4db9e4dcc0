"""One row of training data: a prompt as the agent sends it, and the reply that is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from foveate.rerankers.protocols import Message
from foveate.rerankers.reasoning.prompts import NONE, plan_prompt, quote_prompt, read_prompt, verify_prompt

__all__ = ["Row", "noted", "plan_row", "quote_row", "read_row", "verify_row"]

Task = Literal["plan", "read", "quote", "verify"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A prompt and its reply."""

    task: Task
    messages: tuple[Message, ...]
    reply: str
    group: str
    """What it is about: rows of one group stay on one side of a split."""


def noted(title: str, text: str, kind: str = "Document") -> str:
    """A note as :func:`foveate.agent.citations.note_of` writes it."""
    return f"{kind} {title!r}: {text}" if title else f"{kind}: {text}"


def plan_row(question: str, steps: Sequence[tuple[str, str, Sequence[int]]], group: str) -> Row:
    """(kind, query, needs) a step, numbered from 1."""
    lines = [
        f"{i} | {kind} | {query} | {', '.join(map(str, needs)) or '-'}"
        for i, (kind, query, needs) in enumerate(steps, 1)
    ]
    return Row(task="plan", messages=tuple(plan_prompt(question)), reply="\n".join(lines), group=group)


def read_row(question: str, notes: Sequence[str], answer: str | None, group: str) -> Row:
    """None for an answer that the notes do not hold."""
    return Row(task="read", messages=tuple(read_prompt(question, notes)), reply=answer or NONE, group=group)


def quote_row(question: str, notes: Sequence[str], quotes: Sequence[str], group: str) -> Row:
    """The sentences needed, in their order."""
    return Row(
        task="quote", messages=tuple(quote_prompt(question, notes)), reply="\n".join(quotes) or NONE, group=group
    )


def verify_row(claim: str, evidence: str, label: str, group: str) -> Row:
    """One of the three labels."""
    return Row(task="verify", messages=tuple(verify_prompt(claim, evidence)), reply=label, group=group)
