"""Plain text and Markdown: passages whose character spans refer to the decoded, cleaned text."""

from collections.abc import Iterator, Sequence

from foveate.chunking.passages import markdown_sections, passages
from foveate.errors import MediaError
from foveate.media.decoding import Text, decode, peek_text
from foveate.media.formats import HEAD_BYTES
from foveate.media.pieces import Facts, Limits, Opened, Piece, Reading, ReadOptions

__all__ = ["check_size", "facts", "passage_pieces", "read", "read_bytes", "text_of"]


def facts(opened: Opened) -> Facts:
    """The size check, and the first heading of Markdown as title."""
    check_size(opened)
    title = None
    if opened.format == "markdown":
        head = peek_text(opened.stream.read(HEAD_BYTES))
        title = next((_heading(head, at) for at in markdown_sections(head)), None)
    return Facts(title=title)


def read(opened: Opened, part: int) -> Reading:
    """All passages."""
    del part  # texts have one
    found = text_of(opened)
    sections = markdown_sections(found.text) if opened.format == "markdown" else ()
    pieces = tuple(passage_pieces(found.text, sections, opened.options, opened.limits))
    return Reading(pieces=pieces, notes=found.notes)


def text_of(opened: Opened) -> Text:
    """The text that the character spans of plain text and Markdown refer to."""
    return decode(read_bytes(opened))


def passage_pieces(text: str, sections: Sequence[int], options: ReadOptions, limits: Limits) -> Iterator[Piece]:
    """Passages of a text as pieces: ``text[start:end]`` of the locator is the piece's text.

    Raises:
        MediaError: ``media_bomb`` at more than ``limits.chunks``.
    """
    spans = passages(text, max_chars=options.passage_chars, overlap=options.passage_overlap, sections=sections)
    for i, span in enumerate(spans):
        if i >= limits.chunks:
            raise MediaError(f"more than {limits.chunks} passages", code="media_bomb")
        yield Piece(part="passage", locator=span, text=text[span.start : span.end])


def read_bytes(opened: Opened) -> bytes:
    """All bytes of a text file, within the limit."""
    check_size(opened)
    return opened.stream.read(opened.limits.text_bytes + 1)


def check_size(opened: Opened) -> None:
    """Refuse a text file over ``limits.text_bytes``."""
    if opened.source.size_bytes > opened.limits.text_bytes:
        raise MediaError(
            f"{opened.source.size_bytes} bytes of text; the limit is {opened.limits.text_bytes}",
            code="media_bomb",
        )


def _heading(text: str, at: int) -> str:
    line = text[at : at + 400].split("\n", 1)[0]
    return line.lstrip("#").strip().rstrip("#").strip()[:300]
