"""The ways in which people and benchmarks write options behind a question.

Each way takes a text and whether a line that says how to answer stood behind it, and gives what it found or None. All
are linear in the text: patterns have bounded repeats, and of the places where options could begin the last few count.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Found", "bulleted", "inline", "lined", "listed"]

_LINE = re.compile(r"^[ \t]*([(\[]?)([A-Za-z]|\d{1,3})([.):\]])(?:[ \t]+|$)", re.MULTILINE)
_INLINE = re.compile(r"(?<!\S)([(\[]?)([A-Za-z]|\d{1,3})([.):\]])[ \t]+(?=\S)")
_BULLET = re.compile(r"^[ \t]*[-*+•‣·\u2013][ \t]+(?=\S)")
_HEADER = re.compile(
    r"(?:^|(?<=[\n?.!]))[ \t]*(?:the |answer )?(?:options|choices)(?: are)?[ \t]*:?[ \t]*\Z", re.IGNORECASE
)
_LISTED = re.compile(
    r"(?:(?<=[\n?.!])|(?<=[?.!][ \t])|(?<=[\n \t]\())(?:options|choices|choose from)[ \t]*:", re.IGNORECASE
)
_CHOOSE = re.compile(r"\b(?:choose|pick|select|which)\b", re.IGNORECASE)
_STARTS = 8
"""Places tried for the first option, the last ones first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Options in a text."""

    question: str
    """What stands before them."""
    form: str
    """How labels are written: ``({})``; empty without labels."""
    options: tuple[tuple[str, str], ...]
    """(label, text) of each; empty labels of lists without."""


def lined(body: str, closed: bool) -> Found | None:
    """Labels that begin lines; letters after any words, numbers after what asks."""
    for run in _runs([*_LINE.finditer(body)]):
        head = _head(body, run)
        texts = _between(body, run)
        asks = not run[0][2].isdigit() or closed or _asks(head)
        if head.strip() and asks and (closed or "\n" not in texts[-1]):
            return _found(head, run, texts)
    return None


def inline(body: str, closed: bool) -> Found | None:
    """Labels within a line, after a question mark or colon: "A. Smith wrote to B. Jones" is no choice."""
    for run in _runs([*_INLINE.finditer(body)]):
        head = _head(body, run)
        texts = [re.sub(r"[\s,;]+(?:or|and)?$", "", text) for text in _between(body, run)]
        joined = run[0][3] == "." and any(text.rstrip().endswith(" and") for text in _between(body, run)[:-1])
        asked_after = "?" in texts[-1] and not all("?" in text for text in texts)
        if _ends_asking(head) and not joined and not asked_after and "\n" not in texts[-1]:
            return _found(head, run, texts)
    return None


def bulleted(body: str, closed: bool) -> Found | None:
    """Lines with bullets up to the end, after a line that ends with a question mark or is ``Options:``."""
    lines = body.split("\n")
    first = len(lines)
    while first and (_BULLET.match(lines[first - 1]) or not lines[first - 1].strip()):
        first -= 1
    texts = [_BULLET.sub("", line).strip() for line in lines[first:] if line.strip()]
    head = "\n".join(lines[:first]).rstrip()
    if len(texts) < 2 or not head or not (closed or head.endswith("?") or _HEADER.search(head)):
        return None
    return Found(question=_without_header(head), form="", options=tuple(("", text) for text in texts))


def listed(body: str, closed: bool) -> Found | None:
    """``Options: cat, dog, or horse``, or a line each."""
    marks = [*_LISTED.finditer(body)]
    if not marks:
        return None
    head, rest = body[: marks[-1].start()].rstrip(" \t\n("), body[marks[-1].end() :].strip().rstrip(")")
    texts = [line.strip() for line in rest.split("\n") if line.strip()] if "\n" in rest else _split(rest)
    if len(texts) < 2 or not head or any("?" in text for text in texts):
        return None
    return Found(question=head, form="", options=tuple(("", text) for text in texts))


def _split(rest: str) -> list[str]:
    rest = rest.strip().rstrip(".")
    mark = next((mark for mark in (";", "|", " / ") if mark in rest), None)
    # Of "1,234, 5,678" the comma before a space parts.
    parts = rest.split(mark) if mark else re.split(r",\s" if re.search(r",\s", rest) else ",", rest)
    last = re.sub(r"^\s*(?:or|and)\s", "", parts[-1], flags=re.IGNORECASE)
    parts = [*parts[:-1], *([last] if last != parts[-1] else re.split(r"\sor\s", last, flags=re.IGNORECASE))]
    return [part.strip() for part in parts if part.strip()]


def _runs(labels: Sequence[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Labels of one style that follow each other from the first, two or more, the last such run first."""
    starts = [i for i, label in enumerate(labels) if label[2] in ("A", "a", "1")]
    for start in reversed(starts[-_STARTS:]):
        run = [labels[start]]
        for label in labels[start + 1 :]:
            if (label[1], label[3]) != (run[0][1], run[0][3]):
                continue
            step = _order(label[2], run[0][2]) - len(run)
            if step == 0:
                run.append(label)
            elif step > 0:
                break  # one is left out: these are no labels of a list
        else:
            if len(run) > 1:
                yield run


def _order(label: str, first: str) -> int:
    """Place in the style of the first label, from 0; -1 of another style."""
    if first == "1":
        return int(label) - 1 if label.isdigit() else -1
    return ord(label) - ord(first) if not label.isdigit() and label.isupper() == first.isupper() else -1


def _head(body: str, run: Sequence[re.Match[str]]) -> str:
    return body[: run[0].start()].rstrip()


def _between(body: str, run: Sequence[re.Match[str]]) -> list[str]:
    ends = [label.start() for label in run[1:]] + [len(body)]
    return [body[label.end() : end].strip() for label, end in zip(run, ends, strict=True)]


def _found(head: str, run: Sequence[re.Match[str]], texts: Sequence[str]) -> Found:
    options = tuple((label[2], text) for label, text in zip(run, texts, strict=True))
    return Found(question=_without_header(head), form=f"{run[0][1]}{{}}{run[0][3]}", options=options)


def _without_header(head: str) -> str:
    found = _HEADER.search(head)
    # A question may end with the very word: "What are the choices".
    return head[: found.start()].rstrip() if found and head[: found.start()].strip() else head


def _asks(head: str) -> bool:
    last = head.rsplit("\n", 1)[-1]
    return (
        "?" in last or "__" in last or bool(_HEADER.search(head)) or (last.endswith(":") and bool(_CHOOSE.search(last)))
    )


def _ends_asking(head: str) -> bool:
    return head.endswith(("?", "__")) or bool(_HEADER.search(head)) or (head.endswith(":") and _asks(head))
