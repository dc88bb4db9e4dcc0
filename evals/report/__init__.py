"""Reports: one HTML file, Markdown and JSON."""

from foveate.evals.report.files import write
from foveate.evals.report.run import RunFolder, TaskRows, read_run

__all__ = ["RunFolder", "TaskRows", "read_run", "write"]
