"""SRT and WebVTT: spoken lines merged into passages of a few sentences that keep their time span."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from foveate.errors import MediaError
from foveate.locators import TimeSpan
from foveate.media.decoding import Text, decode
from foveate.media.opening import read_sidecar
from foveate.media.pieces import Facts, Opened, Piece, Reading, ReadOptions, Source
from foveate.media.text import check_size, read_bytes

__all__ = ["Cue", "facts", "parse", "read", "sidecar_cues", "spoken"]

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMES = re.compile(rf"[^\S\n]*{_CLOCK}[^\S\n]*-->[^\S\n]*{_CLOCK}(?![\d:])")
_TAG = re.compile(r"<[^<>\n]{0,100}>|\{\\[^{}\n]{0,100}\}")
_GAP_S = 6.0
"""A silence this long ends a passage: what follows is another scene."""
_PASSAGE_S = 40.0
_PASSAGE_CHARS = 280
"""About three sentences. Longer ones would point at minutes where seconds are wanted."""
_ENDS = '.!?\u2026"\u201d\u3002\uff01\uff1f'
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": ""}


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle."""

    start_s: float
    end_s: float
    text: str


def facts(opened: Opened) -> Facts:
    """The size check. A subtitle file without its film has no duration of its own."""
    check_size(opened)
    return Facts()


def read(opened: Opened, part: int) -> Reading:
    """All passages of a lone subtitle file."""
    del part  # subtitle files have one
    found = decode(read_bytes(opened))
    cues, notes = parse(found.text)
    if not cues:
        raise MediaError("no subtitle with valid times in it")
    return Reading(pieces=tuple(spoken(cues, opened.options)), notes=(*found.notes, *notes))


def sidecar_cues(source: Source) -> tuple[list[Cue], tuple[str, ...]]:
    """The subtitles beside a film; none without."""
    if source.subtitles is None:
        return [], ()
    found: Text = decode(read_sidecar(source.subtitles))
    cues, notes = parse(found.text)
    return cues, tuple(f"subtitles: {note}" for note in (*found.notes, *notes))


def parse(text: str) -> tuple[list[Cue], tuple[str, ...]]:
    """Subtitles in order of time, and notes on what was left out. Reads SRT and WebVTT alike."""
    cues: list[Cue] = []
    bad = 0
    for block in re.split(r"\n[^\S\n]*\n", text):
        lines = block.strip("\n").split("\n")
        at = next((i for i, line in enumerate(lines[:3]) if "-->" in line), None)
        if at is None:
            continue
        cue = _cue(lines[at], lines[at + 1 :])
        if cue is None:
            bad += 1
        elif cue.text:
            cues.append(cue)
    cues.sort(key=lambda cue: (cue.start_s, cue.end_s))
    return cues, (f"{bad} subtitles with bad times left out",) if bad else ()


def spoken(cues: list[Cue], options: ReadOptions) -> Iterator[Piece]:
    """Merge subtitles into passages: up to a sentence's end after some 280 characters, 40 s, or a silence."""
    limit = min(_PASSAGE_CHARS, options.passage_chars)
    held: list[Cue] = []
    for cue in cues:
        if held and _breaks(held, cue, limit):
            yield _piece(held)
            held = []
        held.append(cue)
        if cue.text[-1] in _ENDS and sum(len(one.text) for one in held) >= limit // 2:
            yield _piece(held)
            held = []
    if held:
        yield _piece(held)


def _breaks(held: list[Cue], cue: Cue, limit: int) -> bool:
    length = sum(len(one.text) + 1 for one in held) + len(cue.text)
    return (
        length > limit
        or cue.start_s - max(one.end_s for one in held) > _GAP_S
        or cue.end_s - held[0].start_s > _PASSAGE_S
    )


def _piece(cues: list[Cue]) -> Piece:
    span = TimeSpan(start_s=cues[0].start_s, end_s=max(cue.end_s for cue in cues))
    return Piece(part="subtitle", locator=span, text=" ".join(cue.text for cue in cues))


def _cue(times: str, lines: list[str]) -> Cue | None:
    match = _TIMES.match(times)
    if match is None:
        return None
    start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
    if end < start:
        return None
    text = _TAG.sub("", " ".join(lines))
    for entity, sign in _ENTITIES.items():
        text = text.replace(entity, sign)
    return Cue(start_s=start, end_s=end, text=" ".join(text.split()))


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000
