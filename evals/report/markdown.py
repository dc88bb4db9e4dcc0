"""A run as Markdown: the figures of the HTML report, for terminals, diffs and pull requests."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from foveate.evals.report.run import RunFolder
from foveate.evals.report.tables import context

__all__ = ["escaped", "markdown", "table"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")


def markdown(run: RunFolder) -> str:
    """The report's tables. The same run gives the same text."""
    body = context(run)
    lines = [
        f"# {escaped(body['title'])}",
        "",
        f"Suite {escaped(body['suite'])} on target {escaped(body['target'])} · {escaped(body['counts'])}",
        "",
        "## Figures",
        "",
        *_figures(body["tasks"]),
        "",
        body["note"],
        "",
        "## What was run",
        "",
        *(f"- {escaped(name)}: {escaped(value)}" for name, value in (*body["target_facts"], *body["run_facts"])),
        "",
        *_data(body["tasks"]),
    ]
    for task in body["tasks"]:
        lines += _task(task)
    return "\n".join(lines) + "\n"


def escaped(text: object) -> str:
    """Words of data that stay words: no markup, no links, no rows of their own."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: int = 1) -> list[str]:
    """A table; the columns from ``right`` on are set flush right. Cells are escaped here."""
    rule = ["---" if number < right else "---:" for number in range(len(head))]
    cells = ([escaped(cell) for cell in row] for row in rows)
    return [f"| {' | '.join(row)} |" for row in ([escaped(name) for name in head], rule, *cells)]


def _figures(tasks: Sequence[dict[str, Any]]) -> list[str]:
    head = ("task", "metric", "better", "value", "interval", "scored", "unscored", "errors", "clusters")
    rows = [
        (task["name"], row["metric"], row["better"], row["value"], row["interval"], row["scored"], row["unscored"],
         task["errors"], row["clusters"])
        for task in tasks
        for row in task["figures"]
    ]  # fmt: skip
    return table(head, rows, right=3)


def _data(tasks: Sequence[dict[str, Any]]) -> list[str]:
    head = ("task", "kind", "target", "dataset", "options", "sha256", "licence", "source", "samples")
    keys = ("task", "target", "dataset", "options", "sha256", "licence", "source")
    rows = [(task["name"], *(task["data"][key] for key in keys), task["samples"]) for task in tasks]
    return table(head, rows, right=8)


def _task(task: dict[str, Any]) -> list[str]:
    lines = ["", f"## {escaped(task['name'])}"]
    metrics = [row["metric"] for row in task["figures"]]
    for key, rows in task["slices"]:
        cells = [(row["value"], row["samples"], *row["cells"]) for row in rows]
        lines += ["", f"### By {escaped(key)}", "", *table((key, "samples", *metrics), cells)]
    costs = [(line["name"], line["total"], line["p50"], line["p95"], line["known"]) for line in task["costs"]]
    head = ("measure", "total", "p50 a sample", "p95 a sample", "samples that say it")
    return [*lines, "", "### Cost", "", *table(head, costs)]
