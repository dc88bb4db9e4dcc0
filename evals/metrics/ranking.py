"""How well documents are ordered: recall, precision, hit, nDCG, MRR, MAP and R-precision, computed by trec_eval.

The figures are those of ``trec_eval`` (through ``ir_measures`` and ``pytrec_eval``), the field's reference, with what
it takes for granted made explicit:

- It orders by score and breaks ties by document id. It is given the rank instead of the system's score, so the order
  that the system returned is the order that is measured.
- A document counts as relevant from any gain above 0; the gains themselves matter to nDCG alone.
- A sample without a relevant document, an output without ranking, and a ranking that names a document twice are not
  scored. An empty ranking is: it scores 0.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import CallerError, ExtraMissing
from foveate.evals.metrics.metric import Columns, Context, Metric
from foveate.evals.metrics.scores import Rows
from foveate.evals.samples import Output, Sample

__all__ = ["METRICS", "hit", "map_", "mrr", "ndcg", "precision", "ranked", "recall"]

_SOURCE = "trec_eval (NIST), by ir_measures"
_STEP = 1000
_MOST = 10_000
"""trec_eval keeps a table of as many rows as the highest gain, for each query."""
_MEASURES: Mapping[str, Callable[[Any, int | None], Any]] = {
    "recall": lambda ir, cut: ir.R @ cut,
    "precision": lambda ir, cut: ir.P @ cut,
    "hit": lambda ir, cut: ir.Success @ cut,
    "ndcg": lambda ir, cut: ir.nDCG @ cut,
    # The provider knows no cut-off for these two; the run is cut instead, which is the same.
    "mrr": lambda ir, cut: ir.RR,
    "map": lambda ir, cut: ir.AP,
    "rprec": lambda ir, cut: ir.Rprec,
}


def ranked(
    measure: str,
    rankings: Sequence[Sequence[str] | None],
    gains: Sequence[Mapping[str, float]],
    cut: int | None = None,
) -> NDArray[np.float64]:
    """One measure of many rankings, in one call to trec_eval.

    Args:
        measure: ``recall``, ``precision``, ``hit``, ``ndcg``, ``mrr``, ``map`` or ``rprec``.
        rankings: (n) document ids, best first; None was not ranked.
        gains: (n) document id -> gain.
        cut: how many are looked at; the first four need one.

    Returns:
        (n) values in [0, 1]; NaN as said above.

    Raises:
        CallerError: a gain that nDCG cannot take exactly (it must be a multiple of 1/1000).
        ExtraMissing: ``ir_measures`` is not installed.
    """
    values = np.full(len(rankings), np.nan)
    judged: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for number, (ranking, wanted) in enumerate(zip(rankings, gains, strict=True)):
        relevant = {name: gain for name, gain in wanted.items() if gain > 0}
        if not relevant or ranking is None or len(set(ranking)) < len(ranking):
            continue
        levels = _whole(relevant) if measure == "ndcg" else dict.fromkeys(relevant, 1)
        judged[str(number)], run[str(number)] = _query(ranking[:cut], levels)
    for found in _calculate(_MEASURES[measure], cut, judged, run):
        values[int(found.query_id)] = found.value
    return values


def _query(ranking: Sequence[str], levels: Mapping[str, int]) -> tuple[dict[str, int], dict[str, float]]:
    """Judgements and run of one query. Documents are named by their rank: ids may hold anything, even a NUL."""
    ranks = {name: rank for rank, name in enumerate(ranking)}
    # What follows the last relevant document changes no measure here and is most of the work.
    ends = max((ranks[name] + 1 for name in levels if name in ranks), default=0)
    missed = len(ranking)
    judged = {}
    for name, level in levels.items():
        judged[str(ranks.get(name, missed))] = level
        missed += name not in ranks
    return judged, {str(rank): -float(rank) for rank in range(ends)}


def _whole(gains: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in the same proportion, which is all that nDCG depends on; trec_eval takes no others."""
    levels = {name: round(gain * _STEP) if math.isfinite(gain) else 0 for name, gain in gains.items()}
    common = math.gcd(*levels.values()) or 1
    for name, level in levels.items():
        if abs(level / _STEP - gains[name]) > 1e-9 or level // common > _MOST:
            raise CallerError(
                f"gain {gains[name]!r} of document {name!r}: nDCG takes multiples of 1/{_STEP}, "
                f"the highest at most {_MOST} times the lowest step"
            )
    return {name: level // common for name, level in levels.items()}


def _calculate(measure: Callable[[Any, int | None], Any], cut: int | None, judged: Any, run: Any) -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise ExtraMissing("ir_measures", "evals") from error
    return ir_measures.pytrec_eval.iter_calc([measure(ir_measures, cut)], judged, run) if run else ()


def _rows(measure: str, cut: int | None) -> Rows:
    def rows(samples: Sequence[Sample], outputs: Sequence[Output], context: Context) -> Columns:
        del context
        rankings = [None if output.ranking is None else [name for name, _ in output.ranking] for output in outputs]
        return ranked(measure, rankings, [sample.relevant for sample in samples], cut)[:, None]

    return rows


def _metric(measure: str, title: str, cut: int | None = None) -> Metric:
    at = f"{measure}@{cut}" if cut else measure
    return Metric(
        name=at,
        title=f"{title} at {cut}" if cut else title,
        source=_SOURCE,
        better="higher",
        rows=_rows(measure, cut),
    )


def recall(k: int) -> Metric:
    """Share of the relevant documents among the first ``k``."""
    return _metric("recall", "Recall", k)


def precision(k: int) -> Metric:
    """Relevant among the first ``k``, over ``k``, also where fewer were returned."""
    return _metric("precision", "Precision", k)


def hit(k: int) -> Metric:
    """Any relevant document among the first ``k``."""
    return _metric("hit", "Hit", k)


def ndcg(k: int) -> Metric:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, TOIS 2002): gain over log2(rank + 1)."""
    return _metric("ndcg", "nDCG", k)


def mrr(k: int) -> Metric:
    """One over the rank of the first relevant document, 0 beyond ``k``."""
    return _metric("mrr", "Reciprocal rank", k)


def map_(k: int) -> Metric:
    """Average precision over the first ``k``, divided by all relevant documents."""
    return _metric("map", "Average precision", k)


METRICS = (_metric("mrr", "Reciprocal rank"), _metric("map", "Average precision"), _metric("rprec", "R-precision"))
