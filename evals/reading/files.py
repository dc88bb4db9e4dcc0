"""Files that published data names: inside the folder, there on disk, or written once from what the data holds."""

import os
import re
from pathlib import Path

from foveate.errors import CallerError, ServiceError

__all__ = ["found", "inside", "there", "write_once"]

_DRIVE = re.compile(r"^[A-Za-z]:")


def inside(folder: Path, name: str, where: str) -> str:
    """The path of a file that published data names, which must lie in the folder.

    Names are judged as written, so a folder of pictures may be a link to where they really are.

    Args:
        folder: what the name is relative to.
        name: as it stands in the data, with ``/``.
        where: place of the name in the data, for the error.

    Returns:
        The path without ``.`` and ``..``.

    Raises:
        CallerError: the name is empty, absolute or leads out of the folder.
    """
    plain = os.path.normpath(name) if name else "."
    leaves = plain == "." or os.path.isabs(plain) or plain.split(os.sep)[0] == os.pardir
    if leaves or "\\" in name or "\0" in name or _DRIVE.match(name):
        raise CallerError(f"{where}: {name!r} is not a file inside {str(folder)!r}")
    return os.path.join(folder, plain)


def there(path: str, where: str) -> str:
    """The path, if it is a file on disk.

    Raises:
        CallerError: no such file; ``where`` says what needs it.
    """
    if not os.path.isfile(path):
        raise CallerError(f"{where}: no file {path!r}")
    return path


def found(folder: Path, *names: str) -> Path:
    """The first of several places of a file that is there.

    Raises:
        CallerError: none is; names them all.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise CallerError(f"no file {' or '.join(repr(str(folder / name)) for name in names)}")


def write_once(path: Path, data: bytes) -> str:
    """Write a file, its folder if need be, unless it is there already.

    Returns:
        Its path.

    Raises:
        ServiceError: it cannot be written.
    """
    if not path.is_file():
        # A reader that was killed must not leave half a picture under its full name.
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as error:
            raise ServiceError(f"{str(path)!r} cannot be written: {error}") from error
    return str(path)
