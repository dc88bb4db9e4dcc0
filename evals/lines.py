"""A sample and what came of it as the JSON that a run leaves behind; the format is in docs/eval-format.md."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from foveate.evals.samples import Document, Output, Place, Sample
from foveate.usage import Usage

__all__ = ["cost_line", "output_from", "output_line", "pictures_of", "sample_line"]

_DIGITS = 5
"""Decimals kept of scores: what differs beyond them is the order of a machine's additions, not the system."""
_SHOWN_TEXT = 2000
_SHOWN_RANKS = 5
_VOLATILE = ("tokens_cached", "seconds", "seconds_saved")
"""What differs from run to run: kept in costs.jsonl alone."""


def sample_line(sample: Sample) -> dict[str, Any]:
    """What people need of a sample to look at its result; unknown fields are left out."""
    body: dict[str, Any] = {
        "text": sample.text[:_SHOWN_TEXT],
        "exclude": sample.exclude,
        "images": list(sample.images),
        "films": list(sample.films),
        "options": list(sample.options),
        "image_options": list(sample.image_options),
        "answers": list(sample.answers[:10]),
        "choice": sample.choice,
        "relevant": dict(sorted(sample.relevant.items())[:20]),
        "facts": [_place(place) for place in sample.facts],
        "spans": [list(span) for span in sample.spans],
        "label": sample.label,
        "answerable": sample.answerable,
    }
    return {key: value for key, value in body.items() if value not in (None, "", [], {})}


def output_line(output: Output) -> dict[str, Any]:
    """All of an output that is the same in every run."""
    usage = {key: value for key, value in output.usage.to_dict().items() if key not in _VOLATILE}
    ranking = output.ranking
    return {
        "text": output.text,
        "short": output.short,
        "ranking": None if ranking is None else [[name, _round(score)] for name, score in ranking],
        "choice": output.choice,
        "matrix": None if output.matrix is None else [[_round(value) for value in row] for row in output.matrix],
        "label": output.label,
        "verdict": output.verdict,
        "reason": output.reason,
        "confidence": None if output.confidence is None else _round(output.confidence),
        "cited": None if output.cited is None else [_place(place) for place in output.cited],
        "evidence": [dict(item) for item in output.evidence],
        "spans": None if output.spans is None else [[_round(value) for value in span] for span in output.spans],
        "usage": usage,
    }


def output_from(line: Mapping[str, Any]) -> Output:
    """Inverse of :func:`output_line`."""
    return Output(
        text=line["text"],
        short=line.get("short"),  # runs of earlier versions have none
        ranking=None if line["ranking"] is None else tuple((name, score) for name, score in line["ranking"]),
        choice=line["choice"],
        matrix=None if line["matrix"] is None else tuple(tuple(row) for row in line["matrix"]),
        label=line["label"],
        verdict=line["verdict"],
        reason=line["reason"],
        confidence=line["confidence"],
        cited=None if line["cited"] is None else tuple(_place_from(place) for place in line["cited"]),
        evidence=tuple(line["evidence"]),
        spans=None if line["spans"] is None else tuple((start, end) for start, end in line["spans"]),
        usage=Usage(**line["usage"]),
    )


def cost_line(task: str, name: str, output: Output | None, seconds: float) -> dict[str, Any]:
    """What a sample cost that another run would pay differently."""
    spent = {stage: round(value, 4) for stage, value in (output.usage.seconds if output else {}).items()}
    cached = output.usage.tokens_cached if output else 0
    return {"task": task, "id": name, "seconds": {**spent, "total": round(seconds, 4)}, "tokens_cached": cached}


def pictures_of(sample: Sample, output: Output | None, documents: Mapping[str, Document]) -> dict[str, str]:
    """Paths of the pictures that show why: of the right documents, the best found and the cited."""
    ranked = [name for name, _ in (output.ranking or ())[:_SHOWN_RANKS]] if output else []
    cited = [place.document for place in (output.cited or ())] if output else []
    wanted = dict.fromkeys([*list(sample.relevant)[:3], *ranked, *cited])
    found = {name: documents[name] for name in wanted if name in documents}
    return {name: path for name, document in found.items() if (path := document.image or _picture(document.file))}


def _picture(path: str | None) -> str | None:
    return path if path and path.lower().endswith((".png", ".jpg", ".jpeg", ".webp", ".gif")) else None


def _round(value: float) -> float | None:
    return round(float(value), _DIGITS) + 0.0 if math.isfinite(value) else None


def _place(place: Place) -> dict[str, Any]:
    return {key: value for key, value in asdict(place).items() if value is not None}


def _place_from(place: Mapping[str, Any]) -> Place:
    span: Sequence[float] | None = place.get("span")
    return Place(document=place["document"], sentence=place.get("sentence"), span=(span[0], span[1]) if span else None)
