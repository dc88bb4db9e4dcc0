"""Reports written beside the run they show."""

from pathlib import Path

from foveate.evals.report.html import html
from foveate.evals.report.markdown import markdown
from foveate.evals.report.pictures import Resolve
from foveate.evals.report.run import read_run
from foveate.memory.durable import write_durably

__all__ = ["write"]


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
    made = (folder / "report.html", html(run, resolve=resolve)), (folder / "report.md", markdown(run))
    for path, text in made:
        _put(path, text)
    return made[0][0], made[1][0]


def _put(path: Path, text: str) -> None:
    body = text.encode("utf-8")
    write_durably(path, lambda stream: stream.write(body))
