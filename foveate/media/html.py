"""HTML: what a reader would see, as text; the character spans refer to that text.

Scripts, styles and hidden elements are left out, blocks become paragraphs, table rows lines with `` | `` between
the cells, list items lines with ``- ``. Nothing is fetched.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from foveate.errors import MediaError
from foveate.media.decoding import Text, decode
from foveate.media.formats import HEAD_BYTES
from foveate.media.pieces import Facts, Opened, Reading
from foveate.media.text import check_size, passage_pieces, read_bytes

__all__ = ["extract", "facts", "read"]

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,20})")
# Python also knows encodings that run in quadratic time or unescape (punycode, unicode_escape).
_SAFE_CHARSET = re.compile(r"iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|shift_jis|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5")
_INVISIBLE = frozenset(
    {
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "head",
        "iframe",
        "object",
        "canvas",
        "select",
        "textarea",
        "audio",
        "video",
    }
)
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table "
    "tbody td tfoot th thead tr ul".split()
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])", re.I
)
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]{0,30})")
_UNCLOSED = frozenset(
    "area base body br col colgroup dd dt embed head hr html img input li link meta optgroup option p param rp rt "
    "source tbody td tfoot th thead tr track wbr".split()
)
"""Tags that need no end, or never have one: they do not nest by being repeated."""
_DEEPEST = 20_000
"""The parser takes time with the square of the depth: 0.5 s here, minutes at 10 times that. Browsers stop at 512."""
_SPACE = re.compile(r"\s+")
_BREAKS = ("", " | ", "\n", "\n\n")
_CELL, _LINE, _PARAGRAPH = 1, 2, 3


def facts(opened: Opened) -> Facts:
    """The size check, and the page's title."""
    check_size(opened)
    head = decode_page(opened.stream.read(HEAD_BYTES)).text
    node = LexborHTMLParser(head).css_first("title")
    title = " ".join(node.text().split())[:300] if node is not None else ""
    return Facts(title=title or None)


def read(opened: Opened, part: int) -> Reading:
    """All passages of the visible text."""
    del part  # pages have one
    page = decode_page(read_bytes(opened))
    text, sections = extract(page.text)
    return Reading(pieces=tuple(passage_pieces(text, sections, opened.options, opened.limits)), notes=page.notes)


def decode_page(data: bytes) -> Text:
    """Decode a page, by the charset it names if need be."""
    match = _CHARSET.search(data[:2048])
    name = match[1].decode("ascii").lower() if match else ""
    return decode(data, declared=name if _SAFE_CHARSET.fullmatch(name) else None)


def extract(page: str) -> tuple[str, list[int]]:
    """The visible text of a page, and the offsets of its headings.

    Raises:
        MediaError: ``media_bomb`` for elements nested more than 20,000 deep.
    """
    if _is_too_deep(page):
        raise MediaError(f"elements nested more than {_DEEPEST} deep", code="media_bomb")
    body = LexborHTMLParser(page).body
    text = _Text()
    if body is not None:
        _walk(body, text)
    return "".join(text.out), text.sections


def _is_too_deep(page: str) -> bool:
    depth = 0
    for match in _TAG.finditer(page):
        if match[2].lower() not in _UNCLOSED:
            depth = max(0, depth - 1) if match[1] else depth + 1
            if depth > _DEEPEST:
                return True
    return False


def _walk(body: Any, text: "_Text") -> None:
    """Depth first by links between nodes: a page nested a million deep would end any recursion."""
    node, depth = body.child, 1
    while node is not None and depth > 0:
        tag = node.tag
        if tag == "-text":
            text.add(node.text_content or "")
        elif _is_visible(node, tag):
            text.enter(tag)
            if node.child is not None:
                node, depth = node.child, depth + 1
                continue
            text.leave(tag)
        while node.next is None and depth > 0:
            node, depth = node.parent, depth - 1
            if depth > 0:
                text.leave(node.tag)
        node = node.next if depth > 0 else None


def _is_visible(node: Any, tag: str) -> bool:
    if tag in _INVISIBLE or tag.startswith(("-", "!")):
        return False
    marks = node.attributes
    return not (
        marks and ("hidden" in marks or marks.get("aria-hidden") == "true" or _HIDING.search(marks.get("style") or ""))
    )


@dataclass(slots=True)
class _Text:
    """Text as it grows, with the break that is due before the next word."""

    out: list[str] = field(default_factory=list)
    sections: list[int] = field(default_factory=list)
    length: int = 0
    due: int = 0
    item: bool = False
    heading: bool = False
    space: bool = False
    preformatted: int = 0
    cells: int = 0
    items: int = 0

    def enter(self, tag: str) -> None:
        self.preformatted += tag == "pre"
        self.item = self.item or tag == "li"
        self.heading = self.heading or tag in _HEADINGS
        self._break(tag)
        self.items += tag == "li"
        self.cells += tag in ("td", "th")

    def leave(self, tag: str) -> None:
        self.preformatted -= tag == "pre"
        self.items -= tag == "li"
        self.cells -= tag in ("td", "th")
        if tag in _HEADINGS:
            self.heading = False
        if tag not in ("td", "th", "br"):
            self._break(tag)

    def add(self, raw: str) -> None:
        text = raw if self.preformatted else _SPACE.sub(" ", raw)
        if not text.strip():
            self.space = self.space or bool(text)
            return
        if self.due or not self.out:
            text = text.lstrip("\n" if self.preformatted else " ")
        elif self.space and not text.startswith(" "):
            text = " " + text
        lead = (_BREAKS[self.due] if self.out else "") + ("- " if self.item else "")
        if self.heading:
            self.sections.append(self.length + len(lead))
        self.space = not self.preformatted and text.endswith(" ")
        text = lead + (text if self.preformatted else text.rstrip(" "))
        self.out.append(text)
        self.length += len(text)
        self.due, self.item, self.heading = 0, False, False

    def _break(self, tag: str) -> None:
        if self.cells and tag in _BLOCKS and tag != "tr":
            self.space = True  # a paragraph inside a cell must not tear its row apart
        elif tag in ("td", "th"):
            self.due = max(self.due, _CELL)
        elif tag in ("tr", "li", "br") or (self.items and tag in _BLOCKS):
            self.due = max(self.due, _LINE)
        elif tag in _BLOCKS:
            self.due = max(self.due, _PARAGRAPH)
