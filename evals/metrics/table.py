"""Metrics by name. What follows ``@`` is a cut-off: K a rank, T an overlap, C a coverage, R a risk."""

import difflib
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from foveate.errors import CallerError
from foveate.evals.metrics import (
    abstention,
    answers,
    calibration,
    captions,
    citations,
    matching,
    ranking,
    rightness,
    risk,
    spans,
    vqa,
)
from foveate.evals.metrics.metric import Metric

__all__ = ["metric", "metric_names"]

_MODULES = (
    ranking,
    answers,
    vqa,
    rightness,
    spans,
    citations,
    abstention,
    risk,
    calibration,
    captions,
)
_MATCHING = tuple(
    Metric(name=name, title=title, source="Thrush et al. (Winoground), CVPR 2022", better="higher", rows=rows)
    for name, title, rows in (
        ("text_score", "Text score", matching.text_score),
        ("picture_score", "Picture score", matching.picture_score),
        ("group_score", "Group score", matching.group_score),
    )
)
_PLAIN: Mapping[str, Metric] = {
    item.name: item for items in (*(module.METRICS for module in _MODULES), _MATCHING) for item in items
}
_CUT: Mapping[str, Callable[..., Metric]] = {
    "recall@K": ranking.recall,
    "precision@K": ranking.precision,
    "hit@K": ranking.hit,
    "ndcg@K": ranking.ndcg,
    "mrr@K": ranking.mrr,
    "map@K": ranking.map_,
    "tiou@T": spans.tiou_at,
    "moment_recall@K:T": spans.moment_recall,
    "risk@C": risk.risk,
    "coverage@R": risk.coverage,
}
_MOST = 100_000
_WHOLE = re.compile(r"[1-9]\d*")
_SHARE = re.compile(r"0|1|1\.0+|0?\.\d+")
_MEANT = {
    "K": f"a whole number from 1 to {_MOST}",
    "T": "an overlap above 0 and at most 1",
    "C": "a coverage above 0 and at most 1",
    "R": "a risk from 0 to 1",
}


def metric_names() -> list[str]:
    """What may be asked for, sorted; cut-offs as patterns (``recall@K``, ``moment_recall@K:T``)."""
    return sorted((*_PLAIN, *_CUT))


@cache
def metric(name: str) -> Metric:
    """The metric that suites call ``name``: ``em``, ``ndcg@10``, ``moment_recall@5:0.7``.

    Raises:
        CallerError: no such metric, with the choices and the nearest; or a bad cut-off, with what is allowed.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    base, at, cuts = name.partition("@")
    pattern = next((pattern for pattern in _CUT if at and pattern.partition("@")[0] == base), None)
    if pattern is None:
        raise _unknown(name, base)
    letters, values = pattern.partition("@")[2].split(":"), cuts.split(":")
    if len(values) != len(letters):
        raise CallerError(f"metric {name!r} is written {pattern!r}: {_meant(letters)}")
    return _CUT[pattern](*(_cut(name, letter, value) for letter, value in zip(letters, values, strict=True)))


def _cut(name: str, letter: str, value: str) -> Any:
    if letter == "K":
        good = _WHOLE.fullmatch(value) is not None and len(value) <= len(str(_MOST)) and int(value) <= _MOST
        cut: float = int(value) if good else 0
    else:
        good = _SHARE.fullmatch(value) is not None and (letter == "R" or float(value) > 0)
        cut = float(value) if good else 0.0
    if not good:
        raise CallerError(f"cut-off {value!r} of metric {name!r}: {_meant([letter])}")
    return cut


def _meant(letters: list[str]) -> str:
    return ", ".join(f"{letter} is {_MEANT[letter]}" for letter in letters)


def _unknown(name: str, base: str) -> CallerError:
    bases = {pattern: pattern.partition("@")[0] for pattern in metric_names()}
    near = difflib.get_close_matches(base.lower(), bases.values(), n=1)
    forms = [repr(pattern) for pattern, stem in bases.items() if near and stem == near[0]]
    hint = f"; did you mean {' or '.join(forms)}?" if forms else ""
    return CallerError(f"metric {name!r} is none of: {', '.join(bases)}{hint}")
