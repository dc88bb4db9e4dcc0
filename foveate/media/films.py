"""Films by PyAV: key frames at their presentation times, and the spoken lines beside the film.

FFmpeg opens further files by itself where a demuxer asks for them (playlists, concat). Four guards at once, each
measured to be needed: the container comes from our own magic and is forced, the object it reads has no name,
``io_open`` raises, and no protocol is allowed.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, BinaryIO

import av
import numpy as np

from foveate.errors import MediaError
from foveate.locators import TimeSpan
from foveate.media.exif import iso_date
from foveate.media.images import caption_of
from foveate.media.pieces import Facts, Limits, Opened, Piece, Pixels, Reading
from foveate.media.subtitles import sidecar_cues, spoken

__all__ = ["facts", "film_frame", "open_film", "read"]

_PART_S = 120.0
"""Seconds of film in one part: at most 60 frames of 512 px at the default pace, some 30 MB."""
_LEAST_PACE_S = 0.2
_DEMUXERS = {
    "mp4": "mov",
    "matroska": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "ogg": "ogg",
    "flv": "flv",
}
_CODECS = frozenset(
    {
        "h264",
        "hevc",
        "vp8",
        "vp9",
        "av1",
        "libdav1d",
        "libaom-av1",
        "libvpx",
        "libvpx-vp9",
        "mpeg4",
        "mpeg2video",
        "mpeg1video",
        "mjpeg",
        "theora",
        "flv1",
        "flv",
        "h263",
    }
)
"""Decoders that may run. FFmpeg has hundreds; the odd ones are where the holes are (JPEG 2000 in MOV)."""


class _Nameless:
    """What FFmpeg may do with the file: read, seek, tell. A ``name`` would make it guess formats and neighbours."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.read = stream.read
        self.tell = stream.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)


def facts(opened: Opened) -> Facts:
    """Duration and date, from the header; where it tells none, from the last packet."""
    with open_film(opened.stream, opened.format, opened.limits) as (container, stream):
        duration = _duration(container, stream)
        date = str(container.metadata.get("creation_time") or "")[:40]
    if duration > opened.limits.duration_s:
        raise MediaError(f"{duration:.0f} seconds; the limit is {opened.limits.duration_s:.0f}", code="media_bomb")
    parts = max(1, math.ceil(duration / _PART_S))
    return Facts(parts=parts, duration_s=round(duration, 3), date=_date(date))


def read(opened: Opened, part: int) -> Reading:
    """Frames and spoken lines that begin within one stretch of two minutes."""
    start, end = part * _PART_S, (part + 1) * _PART_S
    with open_film(opened.stream, opened.format, opened.limits) as (container, stream):
        duration = _duration(container, stream)
        if part + 1 >= math.ceil(duration / _PART_S):
            end = math.inf  # the header may be short of the truth by a little
        pieces = _frames(container, stream, start, end, duration, opened)
    cues, notes = sidecar_cues(opened.source)
    pieces += [piece for piece in spoken(cues, opened.options) if start <= _start(piece) < end]
    if part == 0:
        caption, more = caption_of(opened.source)
        notes += more
        if caption:
            whole = TimeSpan(start_s=0.0, end_s=round(duration, 3))
            pieces.append(Piece(part="passage", locator=whole, text=caption))
    return Reading(pieces=tuple(pieces), notes=notes if part == 0 else ())


@contextmanager
def open_film(source: BinaryIO, form: str, limits: Limits) -> Iterator[tuple[Any, Any]]:
    """Open a film of known format: container and video stream, set to decode key frames only.

    Raises:
        MediaError: damaged, without a video stream, of a codec that is not allowed, or with too large frames.
    """
    try:
        container = av.open(
            _Nameless(source),
            mode="r",
            format=_DEMUXERS[form],
            io_open=_refuse,
            timeout=(5, 5),
            container_options={"protocol_whitelist": ""},
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise MediaError("damaged: the film's container cannot be read") from error
    with container:
        stream = _video(container)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > limits.pixels:
            raise MediaError(
                f"frames of {width} x {height} pixels; the limit is {limits.pixels} in all", code="media_bomb"
            )
        stream.codec_context.thread_count = 1  # frame threads would hand the frames out later than asked
        yield container, stream


def film_frame(container: Any, stream: Any, at_s: float, longest_px: int, limits: Limits) -> Pixels:
    """The frame that is on the screen at a time.

    Raises:
        MediaError: nothing decodes there.
    """
    container.seek(_ticks(stream, at_s), stream=stream, backward=True)
    shown: Any = None
    for i, frame in enumerate(container.decode(stream)):
        if frame.pts is None:
            continue
        # A key frame every 20 s at 60 frames a second is rare; a film with a single one must not decode for hours.
        if shown is not None and (_seconds(stream, frame.pts) > at_s + 1e-3 or i > 1500):
            break
        shown = frame
    if shown is None:
        raise MediaError("damaged: no frame can be decoded there")
    return _pixels(shown, stream, longest_px, limits)


def _refuse(url: str, flags: int, options: object) -> None:
    raise MediaError("the film names another file", code="media_unsupported")


def _video(container: Any) -> Any:
    # Cover art of a sound file is a video stream of one attached picture.
    streams = [one for one in container.streams.video if not one.disposition & av.stream.Disposition.attached_pic]
    if not container.streams:
        raise MediaError("damaged: a film without any stream")
    if not streams:
        found = sorted({stream.type for stream in container.streams})
        raise MediaError(f"no video stream; found {found!r}", code="media_unsupported")
    stream = streams[0]
    if stream.codec_context is None or stream.codec_context.name not in _CODECS:
        name = stream.codec_context.name if stream.codec_context is not None else "unknown"
        raise MediaError(f"unsupported: video codec {name!r}", code="media_unsupported")
    return stream


def _duration(container: Any, stream: Any) -> float:
    """Seconds from the first frame to the end."""
    if container.duration is not None and container.duration > 0:
        return float(container.duration / av.time_base)
    if stream.duration is not None and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    last = 0.0
    for packet in container.demux(stream):  # reads the file once; the hash does, too
        if packet.pts is not None:
            last = max(last, _seconds(stream, packet.pts + (packet.duration or 0)))
    container.seek(0)
    return last


def _frames(container: Any, stream: Any, start: float, end: float, duration: float, opened: Opened) -> list[Piece]:
    stream.codec_context.skip_frame = "NONKEY"
    frames: dict[int, Pixels] = {}
    times: list[float] = []
    stop: float | None = None
    for packet, time_s in _key_packets(container, stream, start):
        if time_s >= end:
            stop = time_s
            break
        if not times or time_s - times[-1] >= max(opened.options.frame_every_s, _LEAST_PACE_S):
            times.append(time_s)
            _collect(frames, stream.decode(packet), stream, opened)
    if times:
        _collect(frames, stream.decode(None), stream, opened)
    shown = sorted((_seconds(stream, pts), pixels) for pts, pixels in _by_time(frames))
    spans = [*(time_s for time_s, _ in shown), max(stop or duration, shown[-1][0] if shown else 0.0)]
    return [
        Piece(part="frame", locator=TimeSpan(start_s=round(begin, 3), end_s=round(until, 3)), pixels=pixels)
        for (begin, until), (_, pixels) in zip(pairwise(spans), shown, strict=True)
    ]


def _by_time(frames: dict[int, Pixels]) -> list[tuple[int, Pixels]]:
    return sorted(frames.items(), key=lambda item: item[0])


def _collect(frames: dict[int, Pixels], decoded: list[Any], stream: Any, opened: Opened) -> None:
    for frame in decoded:
        if frame.pts is not None:
            frames[frame.pts] = _pixels(frame, stream, opened.options.picture_px, opened.limits)


def _key_packets(container: Any, stream: Any, start: float) -> Iterator[tuple[Any, float]]:
    """Key packets from ``start`` seconds on, with their presentation time."""
    if start > 0:
        container.seek(_ticks(stream, start), stream=stream, backward=True)
    for packet in container.demux(stream):
        if packet.pts is not None and packet.is_keyframe:
            time_s = _seconds(stream, packet.pts)
            if time_s >= start - 1e-6:
                yield packet, time_s


def _pixels(frame: Any, stream: Any, longest_px: int, limits: Limits) -> Pixels:
    """A frame as people see it: square pixels, upright, scaled down."""
    if frame.width * frame.height > limits.pixels:  # the size may change in mid-stream
        raise MediaError(f"a frame of {frame.width} x {frame.height} pixels", code="media_bomb")
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    if not 0.1 <= aspect <= 10.0:
        aspect = 1.0
    width, height = frame.width * aspect, float(frame.height)
    scale = min(1.0, longest_px / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = frame.reformat(width=size[0], height=size[1], format="rgb24", interpolation="BICUBIC")
    pixels: Pixels = scaled.to_ndarray()
    turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _origin(stream: Any) -> int:
    return int(stream.start_time or 0)


def _seconds(stream: Any, pts: int) -> float:
    return max(0.0, float((pts - _origin(stream)) * stream.time_base))


def _ticks(stream: Any, time_s: float) -> int:
    return int(time_s / stream.time_base) + _origin(stream)


def _start(piece: Piece) -> float:
    return piece.locator.start_s if isinstance(piece.locator, TimeSpan) else 0.0


def _date(value: str) -> str | None:
    found = iso_date(value)
    # QuickTime counts from 1904; writers without a clock leave its first second.
    return (
        None
        if found is None or found.startswith(("1904", "1970"))
        else found + ("+00:00" if value.endswith("Z") else "")
    )
