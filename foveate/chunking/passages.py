"""Sentences and passages with exact character spans.

A passage is a run of whole sentences, so that it can be cited and understood alone; the next one repeats its
last sentences, so that a statement and the one it leans on meet in one passage somewhere.

Everything here takes time linear in the text: every repetition in the pattern is bounded or possessive, and
no border looks back further than a few characters. Measured on one core of 2026: 7 MB of prose a second.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from foveate.errors import CallerError
from foveate.locators import CharSpan

__all__ = ["markdown_sections", "passages", "sentences"]

Unit = tuple[int, int, bool]
"""Start, end, and whether a paragraph starts here."""

# One character class comes first: the engine then skips to the next candidate without trying the branches.
_BORDER = re.compile(
    r"[.!?\u2026\u3002\uff01\uff1f\uff61\n](?:"
    r"(?P<stop>(?<=[.!?\u2026])[.!?\u2026]{0,7}[\"'\u201d\u2019\u00bb)\]]{0,4}(?=\s))"
    r"|(?P<wide>(?<=[\u3002\uff01\uff1f\uff61])[\u3002\uff01\uff1f\uff61]{0,7}[\u300d\u300f\u201d\u2019\uff09]{0,4})"
    r"|(?P<blank>(?<=\n)[^\S\n]*+\n\s*+)"
    r"|(?P<item>(?<=\n)(?=[^\S\n]{0,20}(?:[-*+\u2022\u2013]|\d{1,3}[.)]|\#{1,6}|\|)[^\S\n])))"
)
_HEADING_LINE = re.compile(r"#{1,6}[^\S\n][^\n]*+")
_SPACE = re.compile(r"\s*+")
_WORD_BEFORE = re.compile(r"[^\W_]+(?:\.[^\W_]+)*\Z")
_HEADING = re.compile(r"(?m)^(?:#{1,6}[^\S\n]+\S|[^\s#>|-][^\n]*+\n(?:={3,}|-{3,})[^\S\n]*+$)")
_FENCE = re.compile(r"(?m)^ {0,3}(?:```|~~~)")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st sr jr vs e.g i.e cf fig figs vol pp ed eds inc ltd co approx dept est gen col capt lt "
    "sgt rev hon mt ca al jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k z.b d.h nr bzw bzgl mme mlle "
    "messrs a.m p.m viz op resp sra dra".split()
)
_BEFORE_NUMBER = frozenset({"no", "nos", "p", "art", "sec", "ch", "eq", "s", "bd"})
_MARKS_BACK = 64


def sentences(text: str) -> Iterator[CharSpan]:
    """Sentences of a text in order, without the space around them.

    A line break alone ends none (text is often wrapped by hand); a blank line, a list item, a table row and a
    Markdown heading do.
    """
    for start, end, _ in _units(text):
        yield CharSpan(start=start, end=end)


def passages(text: str, *, max_chars: int, overlap: int = 1, sections: Iterable[int] = ()) -> Iterator[CharSpan]:
    """Cut a text into passages of whole sentences.

    Args:
        text: the text that the spans refer to.
        max_chars: a passage is never longer. A sentence that alone is longer is cut at line, then word borders.
        overlap: sentences that the next passage repeats, where they fit beside a new one.
        sections: ascending offsets of headings. A passage never runs across one, nor repeats from before it,
            except that headings without text between them stay together.

    Raises:
        CallerError: ``max_chars`` under 1 or ``overlap`` under 0.
    """
    if max_chars < 1 or overlap < 0:
        raise CallerError(f"passage length {max_chars!r} must be 1 or more, overlap {overlap!r} 0 or more")
    borders = iter(sections)
    border = next(borders, len(text))
    held: list[Unit] = []
    fresh = 0  # how many of the held units no passage has yet
    headed = False  # the held units are a heading and nothing else
    for unit in _limited(_units(text), text, max_chars):
        start, end, paragraph = unit
        at_heading = start >= border
        while border <= start and border < len(text):
            border = next(borders, len(text))
        if at_heading and headed:
            pass
        elif held and (at_heading or _is_full(held, unit, max_chars)):
            if fresh:
                yield CharSpan(start=held[0][0], end=held[-1][1])
            held = [] if at_heading else _repeated(held, overlap, end, max_chars)
            fresh = 0
        elif paragraph and fresh and held[-1][1] - held[0][0] >= max_chars // 2 and not headed:
            yield CharSpan(start=held[0][0], end=held[-1][1])
            held, fresh = _repeated(held, overlap, end, max_chars), 0
        if held and end - held[0][0] > max_chars:  # only after a run of headings
            yield CharSpan(start=held[0][0], end=held[-1][1])
            held, fresh = [], 0
        headed = at_heading
        held.append(unit)
        fresh += 1
    if fresh:
        yield CharSpan(start=held[0][0], end=held[-1][1])


def markdown_sections(text: str) -> list[int]:
    """Offsets of Markdown headings (ATX and Setext), those in fenced code left out."""
    fences = [match.start() for match in _FENCE.finditer(text)]
    found, inside, k = [], False, 0
    for match in _HEADING.finditer(text):
        while k < len(fences) and fences[k] <= match.start():
            inside, k = not inside, k + 1
        if not inside:
            found.append(match.start())
    return found


def _is_full(held: list[Unit], unit: Unit, max_chars: int) -> bool:
    return unit[1] - held[0][0] > max_chars


def _repeated(held: list[Unit], overlap: int, end: int, max_chars: int) -> list[Unit]:
    """The last units that fit into one passage together with the unit ending at ``end``."""
    first = max(0, len(held) - overlap)
    # A passage that repeated the whole last one would only grow it.
    first = max(first, 1) if len(held) > 1 or overlap == 0 else len(held)
    return [unit for unit in held[first:] if end - unit[0] <= max_chars]


def _units(text: str) -> Iterator[Unit]:
    start, paragraph = _skip_space(text, 0), True
    for match in _BORDER.finditer(text):
        while heading := _heading(text, start):
            yield start, heading[0], paragraph
            start, paragraph = heading[1], True
        end, kind = match.end(), match.lastgroup
        if end <= start or (kind == "stop" and not _ends_sentence(text, match)):
            continue
        stop = match.start() if kind in ("blank", "item") else end
        if stop > start:
            yield start, start + len(text[start:stop].rstrip()), paragraph
            paragraph = False
        start = _skip_space(text, end)
        paragraph = paragraph or kind == "blank"
    while heading := _heading(text, start):
        yield start, heading[0], paragraph
        start, paragraph = heading[1], True
    tail = text[start:].rstrip()
    if tail:
        yield start, start + len(tail), paragraph


def _heading(text: str, start: int) -> tuple[int, int] | None:
    """End of the Markdown heading that starts here, and where the text goes on."""
    match = _HEADING_LINE.match(text, start) if text.startswith("#", start) else None
    return (start + len(match[0].rstrip()), _skip_space(text, match.end())) if match else None


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    following = text[match.end() + 1 : match.end() + 2]
    if following.isspace():
        at = _skip_space(text, match.end())
        following = text[at : at + 1]
    if following.islower():
        return False
    mark = match.start()
    if text[mark] != "." or match.end() - mark > 1:
        return True
    word = _WORD_BEFORE.search(text[max(0, mark - 12) : mark])
    return word is None or not _is_abbreviation(text, mark, word[0], following)


def _is_abbreviation(text: str, mark: int, word: str, following: str) -> bool:
    lower = word.lower()
    if lower in _ABBREVIATIONS or (lower in _BEFORE_NUMBER and following.isdigit()):
        return True
    before = text[max(0, mark - len(word) - 1) : mark - len(word)]
    if word.isdigit():  # "12. Then" at the head of a line numbers an item
        return len(word) <= 3 and before in ("", "\n")
    return len(word) == 1 and word.isupper() and word != "I"


def _limited(units: Iterable[Unit], text: str, max_chars: int) -> Iterator[Unit]:
    """Cut the units that alone are too long."""
    for start, end, paragraph in units:
        while end - start > max_chars:
            cut = _cut(text, start, start + max_chars)
            yield start, start + len(text[start:cut].rstrip()), paragraph
            start, paragraph = _skip_space(text, cut), False
        if end > start:
            yield start, end, paragraph


def _cut(text: str, start: int, limit: int) -> int:
    """Where to cut at or before ``limit``: a line end or space in the second half, else between characters."""
    half = (start + limit) // 2
    if text[limit].isspace():
        return limit
    for mark in ("\n", " ", "\t"):
        at = text.rfind(mark, half, limit)
        if at > start:
            return at
    for at in range(limit, max(start + 1, limit - _MARKS_BACK), -1):
        if not unicodedata.combining(text[at]):
            return at
    return limit
