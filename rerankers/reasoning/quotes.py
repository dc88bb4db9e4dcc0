"""Quotes before reasons (ALR2: Li et al. 2024, arXiv 2410.03227): what a model copies from the notes, and only that.

The paper finds that models asked for the facts they need invent some of them. Here a line of the reply counts when it
stands in a note, letter for letter but for white space; what does not is refused and counted, never mended.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from foveate.errors import CallerError
from foveate.rerankers.protocols import ChatModel, Sampling
from foveate.rerankers.reasoning.prompts import NONE, quote_prompt
from foveate.rerankers.sentences import content_words, statements
from foveate.usage import Usage

__all__ = ["QUESTION_CHARS", "Quote", "Quotes", "find_quotes", "quote", "shorten"]

QUESTION_CHARS = 2000
"""A longer question is shown without its middle: it is mostly pasted text, and would take the room of the notes."""
_CUT = " [...] "
_MAX_TOKENS = 96
"""About three sentences."""
_MARKS = re.compile(r"^(?:\[\d+\]|\d+[.)]|[-*\u2022])\s+")
"""What models put before a copied line: a note's number, a bullet."""
_PAIRS = (('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"), ("`", "`"))
_UNSPACED = 0x2E80
"""From this code point on scripts (Chinese, Japanese ...) mostly write no space between words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """Words of a note."""

    note: int
    """Position of the note, from 0."""
    start: int
    """Offset of the first character in the note as it was given."""
    end: int
    """Offset after the last one."""
    text: str
    """``note[start:end]``, its own white space included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotes:
    """What a model copied."""

    quotes: tuple[Quote, ...] = ()
    """In the model's order, no place twice."""
    refused: tuple[str, ...] = ()
    """Lines of the reply that stand in no note."""
    usage: Usage = field(default_factory=Usage)


async def quote(
    chat: ChatModel, question: str, notes: Sequence[str], *, labels: Sequence[str] = (), max_tokens: int = _MAX_TOKENS
) -> Quotes:
    """Ask for the sentences that are needed to answer the question.

    Args:
        chat: copies.
        question: cut to :data:`QUESTION_CHARS` in its middle, see :func:`shorten`.
        notes: what was found. Empty ones are not shown; without any, nobody is asked.
        labels: one a note, or none at all: what the note is from. Shown before it, and never quoted.
        max_tokens: of the reply. A line that breaks off there is refused, unless it ends where a sentence does.

    Raises:
        CallerError: the question is empty; labels are not one a note; the prompt exceeds the model's context.
        ModelError, ServiceError: the model failed.
    """
    if not question.strip():
        raise CallerError("the question is empty; quotes need one")
    if labels and len(labels) != len(notes):
        raise CallerError(f"{len(labels)} labels for {len(notes)} notes; give one a note or none")
    shown = [at for at, note in enumerate(notes) if note.strip()]
    if not shown:
        return Quotes()
    told = [f"{labels[at]}: {notes[at]}" if labels else notes[at] for at in shown]
    reply = await chat.chat(quote_prompt(shorten(question), told), Sampling(max_tokens=max_tokens, stop=("\n\n",)))
    quotes, refused = find_quotes(reply.text, notes, labels=labels, whole=reply.finish == "stop")
    return Quotes(quotes=quotes, refused=refused, usage=reply.usage)


def find_quotes(
    reply: str, notes: Sequence[str], *, labels: Sequence[str] = (), whole: bool = True
) -> tuple[tuple[Quote, ...], tuple[str, ...]]:
    """Places of a reply's lines in the notes, and the lines that stand in none.

    Case and punctuation must be the note's, words must be whole, and one at least must carry meaning; white space is
    any run of it. Of several notes that hold a line the first counts. A place inside one already found is dropped.

    Args:
        reply: a line a quote, or :data:`foveate.rerankers.reasoning.prompts.NONE`.
        notes: as they were given, not as the prompt shows them.
        labels: one a note, or none; a line may begin with its note's label.
        whole: False when the reply broke off: its last line must then end where a sentence of the note does.
    """
    flat = [_Flat.of(note) for note in notes]
    lines = [" ".join(line.split()) for line in reply.splitlines() if line.strip()]
    quotes: list[Quote] = []
    refused: list[str] = []
    for at, line in enumerate(lines):
        if line.rstrip(".").casefold() == NONE:
            continue
        found = _place(line, flat, labels)
        broken = not whole and at == len(lines) - 1
        if found is None or (broken and not _ends_sentence(notes[found.note], found.end)):
            refused.append(line)
        elif not any(_inside(found, other) for other in quotes):
            quotes.append(found)
    return tuple(quotes), tuple(refused)


def shorten(question: str, chars: int = QUESTION_CHARS) -> str:
    """The question on one line; of a longer one both ends: what is asked mostly stands at one of them."""
    line = " ".join(question.split())
    if len(line) <= chars:
        return line
    half = (chars - len(_CUT)) // 2
    return line[:half] + _CUT + line[-half:]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Flat:
    """A note with single spaces, and where each of its characters came from."""

    note: str
    text: str
    origins: tuple[int, ...]

    @classmethod
    def of(cls, note: str) -> "_Flat":
        words = list(re.finditer(r"\S+", note))
        origins: list[int] = []
        for word in words:
            if origins:
                origins.append(word.start() - 1)  # a space; nothing begins or ends on it
            origins.extend(range(word.start(), word.end()))
        return cls(note=note, text=" ".join(word[0] for word in words), origins=tuple(origins))

    def find(self, line: str) -> tuple[int, int] | None:
        """Offsets in the note of the first place where the line stands as whole words."""
        start = self.text.find(line)
        while start >= 0:
            end = start + len(line)
            if not _splits(self.text, start) and not _splits(self.text, end):
                return self.origins[start], self.origins[end - 1] + 1
            start = self.text.find(line, start + 1)
        return None


def _place(line: str, notes: Sequence[_Flat], labels: Sequence[str]) -> Quote | None:
    for form in _forms(line, labels):
        if not content_words(form):
            continue
        for at, note in enumerate(notes):
            if (span := note.find(form)) is not None:
                return Quote(note=at, start=span[0], end=span[1], text=note.note[span[0] : span[1]])
    return None


def _forms(line: str, labels: Sequence[str]) -> Iterator[str]:
    """The line as it is, then without what stands around a copied sentence: number or bullet, label, quotation marks.

    The line itself comes first: a note may hold ``[2]`` of its own.
    """
    yield line
    bare = _MARKS.sub("", line)
    for label in dict.fromkeys(" ".join(label.split()) for label in labels):
        bare = bare.removeprefix(f"{label}: ")
    yield bare
    for first, last in _PAIRS:
        if len(bare) > 2 and bare.startswith(first) and bare.endswith(last):
            yield bare[1:-1].strip()


def _splits(text: str, at: int) -> bool:
    """Whether a word goes on across this place."""
    return 0 < at < len(text) and all(one.isalnum() and ord(one) < _UNSPACED for one in text[at - 1 : at + 1])


def _ends_sentence(note: str, end: int) -> bool:
    return any(span.end == end for span in statements(note))


def _inside(one: Quote, other: Quote) -> bool:
    return one.note == other.note and other.start <= one.start and one.end <= other.end
