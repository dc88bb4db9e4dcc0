"""From a caption to the name of what a picture shows, and the name put into a question about the picture."""

import re
from dataclasses import dataclass
from functools import partial

from foveate.rerankers.sentences import content_words

__all__ = ["Named", "asks_what", "named", "substituted"]

_HEADS = (
    "flag|map|coat of arms|emblem|logo|icon|symbol|photo|photograph|picture|image|drawing|painting|portrait|sketch|"
    "illustration|cartoon|emoji"
)
_LEAD = re.compile(rf"^(?:an?\s+|the\s+)?(?:\w+\s+)?({_HEADS})\s+(?:of|showing)\s+(?=\S)", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:an?|this is an?|this is)\s+(?=\S)", re.IGNORECASE)
_CHARS = 80
"""A name is at most so long: what is longer is prose, of which the beginning names the subject."""
_SHOWN = (
    r"(?:\s+(?:(?:shown|seen|pictured|depicted|visible)\s+)?(?:in|on)\s+(?:the|this|my|that)\s+"
    r"(?:picture|photo|photograph|image|drawing)|\s+(?:shown|pictured|depicted)(?:\s+here)?)"
)
_VERB = r"(?:\s+(?:is|flies|hangs|belongs\s+to|stands\s+for|represents|shows|depicts|is\s+of))?"
_THIS = re.compile(
    rf"\b(?:this|that|these|those|the)\s+((?!{_HEADS})\w+)(?:{_SHOWN})"
    rf"|\b(?:this|these)\s+((?!(?:is|are|was|were|does|do|the|an?|my)\b|{_HEADS})[a-z]\w*)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:it|they|them)\b|\b(?:this|that)(?=\s*(?:[?.!,]|$))", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:tell\s+me\s+|say\s+|name\s+|identify\s+|describe\s+)?(?:what|which|who|whose|name|identify|describe|the)?\b",
    re.IGNORECASE,
)
_PLAIN = frozenset(
    "stand belong hoist tell name identifi describ kind type thing object repres depict flag fli pictur photo seen "
    "visibl portray countri nation state anim bird person place s".split()
)
"""Stems that ask for no more than the name of what is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What a caption names."""

    name: str
    """``Fiji`` of ``Flag of Fiji``."""
    head: str
    """``flag``; empty where the caption names its subject directly."""


def named(caption: str) -> Named:
    """The subject of a caption: its first sentence, without what kind of picture it is.

    ``of`` alone is never cut: a statue of Lincoln stays one.
    """
    lines = caption.strip().splitlines() or [""]
    text = re.split(r"(?<=\w\w[\w)])[.!?](?:\s|$)", " ".join(lines[0].split()), maxsplit=1)[0].strip(" .")
    head = ""
    while found := _LEAD.match(text):
        text, head = text[found.end() :], found[1].lower()
    text = _ARTICLE.sub("", text)
    if len(text) > _CHARS:
        text = text[:_CHARS].rsplit(" ", 1)[0]
    return Named(name=text, head=head)


def substituted(question: str, subject: Named) -> str:
    """The question about the thing itself: its name in place of "this flag", "the bird in the picture" or "it".

    Of a head noun the whole phrase goes that leads to the subject: "the country this flag belongs to" is "Fiji". Where
    nothing points at the picture, the name is put behind the question.
    """
    for lead, pattern in _pointing(subject.head):
        text, count = pattern.subn(partial(_in_place, lead + subject.name), question, count=1)
        if count:
            return " ".join(text.split())
    return f"{question.strip()} {subject.name}"


def _in_place(words: str, _: re.Match[str]) -> str:
    return words  # a function: in a template, a backslash of a name would mean something


def asks_what(question: str) -> bool:
    """Whether the picture's name alone answers: "Whose flag is this?", "What is in the picture?"."""
    return bool(_ASKS.match(question.strip())) and not set(content_words(question)) - _PLAIN


def _pointing(head: str) -> list[tuple[str, re.Pattern[str]]]:
    """(words before the name, what they and the name stand in place of), the longest phrases first."""
    plain = [("", _THIS), ("", _PRONOUN)]
    if not head:
        return plain
    this = rf"(?:this|that|the)\s+{head}(?:{_SHOWN})?"
    leads = r"(?:with|whose|where|of|that|which|in\s+which|to\s+which|has|having|hoists|flies|under)"
    patterns = (
        ("", rf"\bthe\s+\w+\s+whose\s+{head}\s+(?:(?:this|that|it)\s+is|is\s+(?:this|that|shown)){_SHOWN}?"),
        ("", rf"\bthe\s+\w+\s+(?:{leads}\s+){{0,3}}{this}{_VERB}"),
        ("in ", rf"\bwhere\s+{this}{_VERB}"),
        ("", rf"\b{this}"),
    )
    return [*((lead, re.compile(pattern, re.IGNORECASE)) for lead, pattern in patterns), *plain]
