"""Reports written beside the run they show."""

import os
from pathlib import Path

from foveate.errors import ServiceError
from foveate.evals.report.html import html
from foveate.evals.report.markdown import markdown
from foveate.evals.report.pictures import Resolve
from foveate.evals.report.run import read_run

__all__ = ["replace", "write"]


def write(folder: Path, *, resolve: Resolve | None = None) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.md`` into a finished run's folder, each whole or not at all.

    Args:
        folder: the run.
        resolve: document id -> path of its picture, asked where the run's lines do not name it.

    Returns:
        The two files.

    Raises:
        CallerError: no run, an unfinished or a damaged one.
        ExtraMissing: matplotlib is not installed.
        ServiceError: the folder cannot be written.
    """
    run = read_run(folder)
    return (
        replace(folder / "report.html", html(run, resolve=resolve)),
        replace(folder / "report.md", markdown(run)),
    )


def replace(path: Path, text: str) -> Path:
    """Put a file there in one step: a reader sees the old one or the new one.

    Raises:
        ServiceError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ServiceError(f"{str(path)!r} cannot be written: {error}") from None
    return path
