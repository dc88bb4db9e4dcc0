"""A part of a file, cut into pieces."""

from foveate.errors import MediaError
from foveate.media.formats import HEAD_BYTES, sniff
from foveate.media.opening import open_source
from foveate.media.pieces import Limits, Opened, Reading, ReadOptions, Source
from foveate.media.probe import broken, reader_of

__all__ = ["read"]


def read(source: Source, part: int, limits: Limits, options: ReadOptions) -> Reading:
    """Decode and cut one part of a file.

    Args:
        source: as found by :func:`foveate.media.discover.discover`.
        part: from 0 up to the probe's ``parts``.
        limits: checked again while decoding; headers lie.
        options: how to cut.

    Raises:
        MediaError: the part cannot be read, with its code.
        ExtraMissing: ``options.ocr`` without the OCR package.
    """
    try:
        with open_source(source) as stream:
            form = sniff(stream.read(HEAD_BYTES), source.path.name)
            stream.seek(0)
            opened = Opened(stream=stream, format=form, source=source, limits=limits, options=options)
            reading: Reading = reader_of(form).read(opened, part)
    except Exception as error:
        raise broken(error) from error
    if len(reading.pieces) > limits.chunks:
        raise MediaError(f"{len(reading.pieces)} pieces; the limit is {limits.chunks}", code="media_bomb")
    return reading
