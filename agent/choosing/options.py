"""A question and its options, out of one text as people and benchmarks write it."""

import re
from dataclasses import dataclass

from foveate.agent.choosing.layouts import bulleted, inline, lined, listed
from foveate.agent.choosing.nones import says_none
from foveate.agent.choosing.sameness import Overlap, groups, overlaps, same
from foveate.agent.choosing.written import LETTERS

__all__ = ["Asked", "Option", "parse", "same"]

MOST = len(LETTERS)
_TELLS_HOW = (
    r"(?:please )?(?:answer|reply|respond|choose|select|pick)\b[^\n]{0,120}"
    r"\b(?:letter|number|option|options|choice|one|label)\b[^\n]{0,80}"
)
_CLOSING = re.compile(rf"\A{_TELLS_HOW}\Z", re.IGNORECASE)
_CLOSING_BEHIND = re.compile(
    r"(?<=[ \t])(?:please )?(?:answer|reply|respond) (?:only )?with (?:only )?(?:the|its|a|one)\b[^\n.]{0,60}\.?\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One to choose."""

    label: str
    """As the asker wrote it: ``A``, ``2``; empty of a list without labels."""
    text: str
    none: bool
    """Whether it says that none of the others is right, or that it cannot be told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question with its options; without any, the text as it was."""

    question: str
    options: tuple[Option, ...] = ()
    form: str = ""
    """How the asker writes labels: ``({})``; empty of a list without labels."""

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Places of the options that say the same, in order of their first."""
        return groups([option.text for option in self.options])

    @property
    def overlaps(self) -> tuple[Overlap, ...]:
        """What makes the choice unclear: equal, overlapping and contradictory options."""
        return overlaps([option.text for option in self.options])


def parse(text: str) -> Asked:
    """Split a text; what only looks like options is left in the question.

    Options are two or more labels that follow each other from the first (A, B, ... or 1, 2, ...) in one style, or a
    list behind a question mark or ``Options:``. They end the text, but for a line that says how to answer. With an
    empty option, or more than 26, there is nothing to choose: it stays one question.
    """
    body, closed = _without_closing(text)
    for way in (lined, inline, bulleted, listed):
        found = way(body, closed)
        if found is None:
            continue
        options = [(label, " ".join(said.split())) for label, said in found.options]
        if len(options) > MOST or not all(said for _, said in options):
            return Asked(question=text)
        return Asked(
            question=found.question.strip(),
            options=tuple(Option(label=label, text=said, none=says_none(said)) for label, said in options),
            form=found.form,
        )
    return Asked(question=text)


def _without_closing(text: str) -> tuple[str, bool]:
    """The text without a line or sentence at its end that says how to answer, and whether there was one."""
    stripped = text.rstrip()
    head, newline, last = stripped.rpartition("\n")
    if newline and _CLOSING.match(last.strip()):
        return head.rstrip(), True
    behind = _CLOSING_BEHIND.search(stripped, max(0, len(stripped) - 100))
    return (stripped[: behind.start()].rstrip(), True) if behind else (stripped, False)
