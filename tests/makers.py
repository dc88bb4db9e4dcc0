"""Small media for tests: pictures in all modes, PDFs, films, and files that mean harm."""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from foveate.errors import MediaError
from foveate.media.discover import discover
from foveate.media.pieces import Limits, Piece, Probe, Reading, ReadOptions, Source
from foveate.media.probe import probe
from foveate.media.read import read

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
Line = tuple[float, float, float, str]
"""x and y in points from the bottom left, font size, words."""


def found(path: Path) -> Source:
    """The source of one file."""
    (source,) = discover([path])
    assert isinstance(source, Source)
    return source


def probed(path: Path, limits: Limits | None = None, options: ReadOptions | None = None) -> Probe:
    return probe(found(path), limits or Limits(), options or ReadOptions())


def reading(path: Path, part: int = 0, limits: Limits | None = None, options: ReadOptions | None = None) -> Reading:
    return read(found(path), part, limits or Limits(), options or ReadOptions())


def pieces(path: Path, part: int = 0, **options: float | bool) -> tuple[Piece, ...]:
    return reading(path, part, options=ReadOptions(**options)).pieces  # type: ignore[arg-type]


def fault(path: Path, limits: Limits | None = None, options: ReadOptions | None = None) -> str:
    """Code of the error that probing, else reading, ends in."""
    try:
        known = probed(path, limits, options)
        for part in range(known.parts):
            reading(path, part, limits, options)
    except MediaError as error:
        assert "0x" not in str(error) and "<_io" not in str(error)
        return error.code
    return "none"


def corners(width: int = 40, height: int = 20) -> Image.Image:
    """Quarters red, green, blue, white: top left, top right, bottom left, bottom right."""
    array = np.full((height, width, 3), 255, np.uint8)
    array[: height // 2, : width // 2] = RED
    array[: height // 2, width // 2 :] = GREEN
    array[height // 2 :, : width // 2] = BLUE
    return Image.fromarray(array)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def pdf(
    pages: Sequence[Sequence[Line]],
    size: tuple[float, float] = (595, 842),
    *,
    title: str = "",
    encrypted: bool = False,
    rotate: int = 0,
) -> bytes:
    """A PDF with lines of Helvetica."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, lines in enumerate(pages):
        show = "".join(f"BT /F1 {points} Tf 1 0 0 1 {x} {y} Tm ({words}) Tj ET\n" for x, y, points, words in lines)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]} {size[1]}] /Rotate {rotate} "
            f"/Contents {5 + 2 * i} 0 R /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(show)} >>\nstream\n{show}endstream".encode())
    objects.append(f"<< /Title ({title}) /CreationDate (D:20210504130201+02'00') >>".encode())
    trailer = f"/Root 1 0 R /Info {len(objects)} 0 R"
    if encrypted:
        key = "<" + "11" * 32 + ">"
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O {key} /U {key} /P -4 >>".encode())
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<00> <00>]"
    return _with_table(objects, trailer)


def _with_table(objects: Sequence[bytes], trailer: str) -> bytes:
    out = b"%PDF-1.4\n"
    offsets = []
    for i, body in enumerate(objects):
        offsets.append(len(out))
        out += f"{i + 1} 0 obj\n".encode() + body + b"\nendobj\n"
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{at:010} 00000 n \n" for at in offsets)
    return (
        out
        + table.encode()
        + f"trailer\n<< /Size {len(objects) + 1} {trailer} >>\nstartxref\n{len(out)}\n%%EOF".encode()
    )


def film(
    path: Path,
    colours: Sequence[tuple[int, int, int]],
    *,
    seconds_each: float = 1.0,
    rate: int = 5,
    size: tuple[int, int] = (64, 48),
    form: str = "mp4",
    codec: str = "mpeg4",
    rotation: int = 0,
) -> None:
    """A film that shows one colour after another; each begins with a key frame."""
    frames = round(seconds_each * rate)
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = frames
        stream.codec_context.max_b_frames = 0
        if codec == "mpeg4":  # no key frame of its own where the colour changes
            stream.codec_context.options = {"sc_threshold": "1000000000"}
        for i in range(frames * len(colours)):
            array = np.full((size[1], size[0], 3), colours[i // frames], np.uint8)
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, rate)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    if rotation:
        _turn(path, rotation)


def _turn(path: Path, degrees: int) -> None:
    """Write a display matrix into the track header of an MP4 (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16
    one = 1 << 16
    cosine, sine = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    data[at : at + 36] = struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


def near(colour: Sequence[int] | np.ndarray, wanted: Sequence[int], off: int = 24) -> bool:
    """Whether a colour is as wanted but for what a film codec does to it."""
    return bool(np.abs(np.asarray(colour, int) - np.asarray(wanted, int)).max() <= off)
