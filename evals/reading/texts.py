"""What text files of a benchmark hold: UTF-8, with or without a byte-order mark, or an error that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from foveate.errors import CallerError

__all__ = ["lines", "numbered", "whole"]


def whole(path: Path) -> str:
    """The text of a file.

    Raises:
        CallerError: no such file, or not UTF-8.
    """
    with _opened(path, None) as stream:
        return stream.read()


def lines(path: Path) -> Iterator[str]:
    """The lines of a file, each with its own ending, as :mod:`csv` wants them; read as they are asked for.

    Raises:
        CallerError: no such file, or not UTF-8.
    """
    with _opened(path, "") as stream:
        yield from stream


def numbered(path: Path) -> Iterator[tuple[str, str]]:
    """Lines that are not blank, without their endings, each with its place: ``FILE, line 3``.

    Raises:
        CallerError: no such file, or not UTF-8.
    """
    for number, line in enumerate(lines(path), 1):
        if line.strip():
            yield line.rstrip("\r\n"), f"{path.name}, line {number}"


@contextmanager
def _opened(path: Path, newline: str | None) -> Iterator[TextIO]:
    if not path.is_file():
        raise CallerError(f"no file {str(path)!r}")
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as stream:
            yield stream
    except UnicodeDecodeError as error:
        raise CallerError(f"{path.name} is not UTF-8: {error}") from None
