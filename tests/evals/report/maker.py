"""Run folders as docs/eval-format.md describes them, written by hand: the reader is tested against the format alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Line = dict[str, Any]


def line(name: str, **more: Any) -> Line:
    """A sample's line; ``sample``, ``output`` and the rest are merged into what a plain retrieval sample has."""
    base: Line = {
        "id": name,
        "group": "",
        "slices": {},
        "sample": {"text": f"question {name}", "images": [], "options": [], "answers": [], "relevant": {},
                   "answerable": None},
        "output": {"text": None, "ranking": None, "choice": None, "label": None, "verdict": None, "reason": None,
                   "confidence": None, "cited": None, "evidence": [], "spans": None,
                   "usage": {"tokens_in": 0, "tokens_out": 0, "images_sent": 0, "frames_decoded": 0, "hops": 1}},
        "error": None,
        "scores": {},
    }  # fmt: skip
    for key, value in more.items():
        base[key] = {**base[key], **value} if key in ("sample", "output") and value is not None else value
    return base


def figure(values: Sequence[float | None], better: str = "higher", value: float | None = None) -> dict[str, Any]:
    """An entry of a summary's metrics: mean and a rough interval of what was scored."""
    known = [found for found in values if found is not None]
    if not known:
        return {"value": None, "low": None, "high": None, "scored": 0, "unscored": len(values), "clusters": 0,
                "better": better, "level": 0.95}  # fmt: skip
    middle = float(np.mean(known)) if value is None else value
    half = float(1.96 * np.std(known) / np.sqrt(len(known)))
    return {"value": middle, "low": max(0.0, middle - half), "high": min(1.0, middle + half), "scored": len(known),
            "unscored": len(values) - len(known), "clusters": len(known), "better": better, "level": 0.95}  # fmt: skip


def _first(row: Line, metric: str) -> float | None:
    found = (row["scores"] or {}).get(metric)
    return None if not found or None in found else float(found[-1])


def _metrics(lines: Sequence[Line], metrics: Mapping[str, str]) -> dict[str, Any]:
    return {name: figure([_first(row, name) for row in lines], better) for name, better in metrics.items()}


def _slices(lines: Sequence[Line], metrics: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, dict[str, list[Line]]] = {}
    for row in lines:
        for key, value in row["slices"].items():
            found.setdefault(key, {}).setdefault(value, []).append(row)
    return {
        key: {value: {"samples": len(rows), "metrics": _metrics(rows, metrics)} for value, rows in values.items()}
        for key, values in found.items()
    }


def make_run(
    folder: Path,
    tasks: Mapping[str, Sequence[Line]],
    metrics: Mapping[str, str] | None = None,
    *,
    target: str = "agent",
    seconds: Callable[[int], float] | None = lambda number: 0.1 + 0.01 * number,
    **run: Any,
) -> Path:
    """Write a finished run.

    Args:
        folder: made if it is not there.
        tasks: lines by task.
        metrics: ``higher`` or ``lower`` by metric, of every task.
        target: its name.
        seconds: of a sample by its number; None leaves the ledger out.
        run: replaces fields of run.json; ``facts`` those of every task's entry.
    """
    metrics = metrics or {"recall@3": "higher"}
    folder.mkdir(parents=True, exist_ok=True)
    facts = run.pop("facts", {})
    head = {
        "format": 1, "suite": "quick", "title": "Quick look", "seed": 0, "limit": None,
        "target": {"name": target, "kind": "agent", "encoder": "mini", "encoder_fingerprint": "0f" * 8,
                   "model": "smollm2", "settings": {"top_k": 3}},
        "versions": {"foveate": "0.1.0", "python": "3.11", "torch": "2.14"},
        "tasks": [{"name": name, "task": "retrieval", "dataset": "sample", "options": {"hard": False},
                   "data_sha256": "ab" * 32, "samples": len(lines), "metrics": list(metrics), "slices": ["modality"],
                   "licence": "CC0-1.0", "source": "examples/", **facts} for name, lines in tasks.items()],
        **run,
    }  # fmt: skip
    summary = {
        "format": 1, "suite": "quick", "complete": True,
        "tasks": {name: {"samples": len(lines), "errors": sum(row["error"] is not None for row in lines),
                         "metrics": _metrics(lines, metrics), "slices": _slices(lines, metrics), "usage": {}}
                  for name, lines in tasks.items()},
    }  # fmt: skip
    put(folder / "run.json", head)
    put(folder / "summary.json", summary)
    for name, lines in tasks.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    if seconds is not None:
        ledger = [
            {"task": name, "id": row["id"], "seconds": {"total": seconds(number)}, "tokens_cached": number}
            for name, lines in tasks.items()
            for number, row in enumerate(lines)
        ]
        (folder / "costs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ledger), encoding="utf-8")
    return folder


def put(path: Path, body: object) -> None:
    """Write JSON."""
    path.write_text(json.dumps(body, indent=1), encoding="utf-8")


def change(path: Path, edit: Callable[[Any], None]) -> None:
    """Edit a JSON file in place."""
    body = json.loads(path.read_text(encoding="utf-8"))
    edit(body)
    put(path, body)


def scored(values: Sequence[float | None], metric: str = "recall@3", **more: Any) -> list[Line]:
    """Lines with one score each."""
    return [line(f"s-{number:03d}", scores={metric: [value]}, **more) for number, value in enumerate(values)]
