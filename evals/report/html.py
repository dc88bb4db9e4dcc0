"""A run as one HTML file that needs no other file and no network."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from foveate.evals.report.cards import card
from foveate.evals.report.drawings import confidence_plots, cost_plots, slice_plots, task_point
from foveate.evals.report.failures import COUNT, failures
from foveate.evals.report.pictures import BUDGET_BYTES, Resolve, Thumbnails
from foveate.evals.report.run import RunFolder, TaskRows
from foveate.evals.report.tables import context

__all__ = ["html", "page"]


def html(run: RunFolder, *, resolve: Resolve | None = None, count: int = COUNT) -> str:
    """The report. The same run gives the same text.

    Args:
        run: a finished run.
        resolve: document id -> path of its picture, asked where the lines do not name it.
        count: samples shown of each task.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    body = context(run)
    left, tasks = BUDGET_BYTES, list(run.tasks.values())
    for place, (task, shown) in enumerate(zip(tasks, body["tasks"], strict=True)):
        # An even share of what is left: the first task's pictures must not be all there are.
        share = left // (len(tasks) - place)
        thumbnails = Thumbnails(root=run.path, left_bytes=share)
        shown |= _samples(task, thumbnails, resolve, count) | _plots(task)
        left -= share - thumbnails.left_bytes
    plots = cost_plots(map(task_point, tasks), "leading metric of each task")
    return page("report.html", body | {"cost_plots": list(map(Markup, plots))})


def page(name: str, body: Mapping[str, Any]) -> str:
    """Fill one of the package's templates. Evidence is data: everything is escaped but drawings made here."""
    text = _template(name)
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = hashlib.sha256(script[1].encode()).digest() if script else b""
    return environment.from_string(text).render(
        **body, style=Markup(_template("style.html").strip()), script_hash=base64.b64encode(digest).decode()
    )


def _template(name: str) -> str:
    return (files("foveate.evals.report") / "templates" / name).read_text("utf-8")


def _samples(task: TaskRows, thumbnails: Thumbnails, resolve: Resolve | None, count: int) -> dict[str, Any]:
    cards = [card(failure, thumbnails, resolve) for failure in failures(task, count)]
    return {
        "cards": cards,
        "kinds": list(dict.fromkeys(item["kind"] for item in cards)),
        "tags": sorted({tag for item in cards for tag in item["slices"]}),
        "shown": f"{len(cards)} of {len(task.rows)} samples: those that failed, the worst scored first, the unscored.",
    }


def _plots(task: TaskRows) -> dict[str, Any]:
    return {
        "slice_plots": [Markup(plot) for plot in slice_plots(task)],
        "confidence_plots": [Markup(plot) for plot in confidence_plots(task)],
    }
