"""What a file is and says of itself, before anything is decoded."""

import hashlib
import importlib
from types import ModuleType
from typing import BinaryIO

from foveate.errors import FoveateError, MediaError
from foveate.ids import media_id
from foveate.media.formats import HEAD_BYTES, READERS, kind_of, sniff
from foveate.media.opening import open_source, read_sidecar
from foveate.media.pieces import Facts, Limits, Opened, Probe, ReadOptions, Source
from foveate.records import Media

__all__ = ["broken", "probe", "reader_of"]

_BLOCK_BYTES = 1 << 20


def probe(source: Source, limits: Limits, options: ReadOptions) -> Probe:
    """Find out format, identity, size and metadata of a file. Every limit that the header tells is checked here.

    Raises:
        MediaError: the file cannot be read, with its code.
    """
    try:
        with open_source(source) as stream:
            if source.size_bytes > limits.file_bytes:
                raise MediaError(f"{source.size_bytes} bytes; the limit is {limits.file_bytes}", code="media_bomb")
            form = sniff(stream.read(HEAD_BYTES), source.path.name)
            stream.seek(0)
            opened = Opened(stream=stream, format=form, source=source, limits=limits, options=options)
            # First the facts: a file that is refused by its header need not be hashed.
            facts: Facts = reader_of(form).facts(opened)
            content = _digest(stream)
    except Exception as error:
        raise broken(error) from error
    sidecars = [hashlib.sha256(read_sidecar(path)).hexdigest() for path in source.sidecars]
    kind = kind_of(form)
    media = Media(
        id=media_id(kind, content, sidecars),
        kind=kind,
        format=form,
        size_bytes=source.size_bytes,
        title=facts.title,
        date=facts.date,
        place=facts.place,
        duration_s=facts.duration_s,
    )
    return Probe(media=media, parts=facts.parts, notes=facts.notes)


def reader_of(form: str) -> ModuleType:
    """The module that reads a format. Imported on use: decoders are heavy."""
    return importlib.import_module(READERS[form][1])


def broken(error: Exception) -> FoveateError:
    """Any failure of a decoder as a fault of its file.

    Decoders raise whatever they like on hostile bytes, and their texts carry addresses and paths: only the
    class name goes on.
    """
    if isinstance(error, FoveateError):
        return error
    if isinstance(error, MemoryError):
        return MediaError("decoding needs more memory than allowed", code="media_bomb")
    if isinstance(error, OSError) and error.errno is not None and type(error).__module__ == "builtins":
        reason = (error.strerror or "unknown reason").lower()
        return MediaError(f"cannot be read: {reason}", code="media_unreadable")
    return MediaError(f"damaged: the decoder gave up ({type(error).__name__})")


def _digest(stream: BinaryIO) -> str:
    stream.seek(0)
    state = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        state.update(block)
    return state.hexdigest()
