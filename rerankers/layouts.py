"""Prompts as lists of modules in a declared order, so that what prompts share stands first and is computed once.

Prompt Cache (Gim et al., MLSys 2024) and vLLM's prefix caching both reuse attention states of equal beginnings: the
order is instructions, schema, shared evidence, question, candidate. A test fails when an edit breaks a shared start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from foveate.errors import CallerError
from foveate.rerankers.protocols import ImagePart, Message

__all__ = ["LAYOUTS", "Layout", "Module", "SharedBy", "layout"]

SharedBy = Literal["stage", "question", "nothing"]
"""Who reuses a module: every prompt of the stage, all prompts of one question, or this prompt alone."""
_ORDER: tuple[SharedBy, ...] = ("stage", "question", "nothing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """One part of a prompt."""

    name: str
    role: Literal["system", "user"]
    text: str
    """``{field}`` stands for a value; every other brace is doubled."""
    shared_by: SharedBy


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The modules of one stage, what is shared most first."""

    stage: str
    modules: tuple[Module, ...]

    def __post_init__(self) -> None:
        places = [_ORDER.index(module.shared_by) for module in self.modules]
        if places != sorted(places):
            raise CallerError(f"layout {self.stage!r}: a module stands before one that more prompts share")

    def messages(self, values: Mapping[str, str], images: Sequence[ImagePart] = ()) -> tuple[Message, ...]:
        """The prompt; modules of one role that follow each other become one message, a line each.

        Args:
            values: one a field.
            images: put at the end of the last user message.
        """
        made: list[tuple[Literal["system", "user"], list[str]]] = []
        for module in self.modules:
            text = module.text.format_map(values)
            if made and made[-1][0] == module.role:
                made[-1][1].append(text)
            else:
                made.append((module.role, [text]))
        last = max(at for at, (role, _) in enumerate(made) if role == "user")
        return tuple(
            Message(role=role, text="\n".join(lines), images=tuple(images) if at == last else ())
            for at, (role, lines) in enumerate(made)
        )


LAYOUTS = {
    "rerank": Layout(
        stage="rerank",
        modules=(
            Module(
                name="instructions",
                role="system",
                text="Does the candidate match the query? Answer Yes or No.",
                shared_by="stage",
            ),
            Module(name="question", role="user", text="Query: {question}", shared_by="question"),
            Module(name="candidate", role="user", text="Candidate: {candidate}", shared_by="nothing"),
        ),
    ),
}
"""Stage -> layout."""


def layout(stage: str) -> Layout:
    """The layout of a stage.

    Raises:
        CallerError: no such stage; names those there are.
    """
    if stage not in LAYOUTS:
        raise CallerError(f"unknown stage {stage!r}; choose one of: {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[stage]
