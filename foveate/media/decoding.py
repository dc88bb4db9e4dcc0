"""Bytes to clean text: which encoding, and what may not pass."""

import codecs
import re
from dataclasses import dataclass

from foveate.errors import MediaError

__all__ = ["Text", "clean", "decode", "looks_like_text", "peek_text"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is a prefix of it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(sorted({*range(9), 11, *range(14, 27), *range(28, 32), 127}))
_CONTROL_SHARE = 0.1
_REMOVED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f"  # C0 and C1 controls, except tab, line ends and form feed
    "\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ufe00-\ufe0e\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls, lone surrogates, and what is invisible or turns the reading order: zero-width space, bidi marks, tags,
variation selectors (which carry hidden bytes; U+FE0F is kept, emoji need it). Zero-width joiner and non-joiner
stay: Persian, Hindi and emoji are spelled with them."""
_C0 = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_LINE_END = re.compile("\r\n?|\x85|\x0c|\u2028|\u2029")


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Decoded and cleaned text. **All character spans of foveate refer to it**, not to the file's bytes."""

    text: str
    notes: tuple[str, ...] = ()


def decode(data: bytes, *, declared: str | None = None) -> Text:
    r"""Decode and clean a text file's bytes.

    Order: byte order mark, UTF-8, UTF-16 by its NUL pattern, the declared encoding, UTF-8 with a few broken
    bytes, Windows-1252, Latin-1. Line ends become ``\n``.

    Args:
        data: the whole file.
        declared: an encoding the file names itself (HTML ``charset``).

    Raises:
        MediaError: ``media_unsupported`` when more than a tenth are control characters: no text at all.
    """
    raw, encoding = _decode(data, declared)
    text, removed = clean(raw)
    if removed > _CONTROL_SHARE * len(raw) + 8 and len(_C0.findall(raw)) > _CONTROL_SHARE * len(raw):
        raise MediaError("unsupported: binary data, not text", code="media_unsupported")
    notes = [] if encoding == "utf-8" else [f"decoded as {encoding}"]
    if removed:
        notes.append(f"{removed} control or invisible characters left out")
    return Text(text=text, notes=tuple(notes))


def clean(text: str) -> tuple[str, int]:
    """Normalise line ends and take out what may not pass. Returns the text and how many characters went."""
    return _REMOVED.subn("", _LINE_END.sub("\n", text))


def looks_like_text(head: bytes) -> bool:
    """Whether bytes are text in some encoding: few controls, and hardly any where they are not valid UTF-8."""
    if any(head.startswith(mark) for mark, _ in _BOMS) or _utf16(head):
        return True
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls <= len(head) * (_CONTROL_SHARE if _is_utf8(head) else 0.005)


def peek_text(head: bytes) -> str:
    """The first characters of a text file, whatever its encoding; never raises."""
    encoding = next((name for mark, name in _BOMS if head.startswith(mark)), None) or _utf16(head) or "utf-8"
    text = head.decode(encoding, "replace")
    return clean(text)[0]


def _decode(data: bytes, declared: str | None) -> tuple[str, str]:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), name
    guess = _utf16(data[: 1 << 16])
    names = ["utf-8", *([guess] if guess else []), *([declared] if declared else [])]
    if guess:
        names.reverse()  # ASCII in UTF-16 is valid UTF-8 with NULs
    for name in names:
        try:
            # surrogatepass: what encodes lone surrogates is UTF-8 all the same; cleaning takes them out.
            return data.decode(name, "surrogatepass" if name == "utf-8" else "strict"), name
        except (UnicodeError, LookupError):
            continue
    return _legacy(data)


def _legacy(data: bytes) -> tuple[str, str]:
    mended = data.decode("utf-8", "replace")
    good = len(re.findall("[^\x00-\x7f\ufffd]", mended[: 1 << 20]))
    if mended[: 1 << 20].count("\ufffd") < good:
        return mended, "utf-8 with broken bytes replaced"
    try:
        return data.decode("cp1252"), "windows-1252"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _utf16(head: bytes) -> str | None:
    """UTF-16 of mostly Latin text without a mark: every second byte is NUL, the others are not."""
    even, odd = head[0::2], head[1::2]
    if len(head) < 4:
        return None
    for name, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if high.count(0) > 0.6 * len(high) and low.count(0) < 0.05 * len(low) + 1:
            return name
    return None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("surrogatepass").decode(head)  # a cut last character is no fault
    except UnicodeDecodeError:
        return False
    return True
