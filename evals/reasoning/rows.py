"""Rows of training data: a prompt as the agent sends it, and the reply that is right."""

from collections.abc import Sequence

from foveate.rerankers.lora.completions import Completion
from foveate.rerankers.reasoning.prompts import NONE, plan_prompt, quote_prompt, read_prompt, verify_prompt

__all__ = ["noted", "plan_row", "quote_row", "read_row", "verify_row"]


def noted(title: str, text: str, kind: str = "Document") -> str:
    """A note as :func:`foveate.agent.citations.note_of` writes it."""
    return f"{kind} {title!r}: {text}" if title else f"{kind}: {text}"


def plan_row(question: str, steps: Sequence[tuple[str, str, Sequence[int]]], group: str) -> Completion:
    """(kind, query, needs) a step, numbered from 1."""
    lines = [
        f"{i} | {kind} | {query} | {', '.join(map(str, needs)) or '-'}"
        for i, (kind, query, needs) in enumerate(steps, 1)
    ]
    return Completion(task="plan", messages=tuple(plan_prompt(question)), reply="\n".join(lines), group=group)


def read_row(question: str, notes: Sequence[str], answer: str | None, group: str) -> Completion:
    """None for an answer that the notes do not hold."""
    return Completion(task="read", messages=tuple(read_prompt(question, notes)), reply=answer or NONE, group=group)


def quote_row(question: str, notes: Sequence[str], quotes: Sequence[str], group: str) -> Completion:
    """The sentences needed, in their order."""
    return Completion(
        task="quote", messages=tuple(quote_prompt(question, notes)), reply="\n".join(quotes) or NONE, group=group
    )


def verify_row(claim: str, evidence: str, label: str, group: str) -> Completion:
    """One of the three labels."""
    return Completion(task="verify", messages=tuple(verify_prompt(claim, evidence)), reply=label, group=group)
