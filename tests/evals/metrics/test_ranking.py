import math
import random
import time
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.metrics import ranking
from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample

NAMES = [f"doc {i}" for i in range(12)]
rankings = st.lists(st.sampled_from(NAMES), unique=True)
gains = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 4).map(float), min_size=1)
cuts = st.integers(1, 15)
EVERY = ("recall@3", "precision@3", "hit@3", "ndcg@3", "mrr@3", "mrr", "map@3", "map", "rprec")


def ranked(ids: Sequence[str]) -> Output:
    return Output(ranking=tuple((name, 1.0 / (rank + 1)) for rank, name in enumerate(ids)))


def value(name: str, ids: Sequence[str], relevant: Mapping[str, float]) -> float:
    rows = metric(name).rows([Sample(id="s", relevant=relevant)], [ranked(ids)], Context())
    assert rows.shape == (1, 1)
    return float(rows[0, 0])


def by_hand(measure: str, ids: Sequence[str], relevant: Mapping[str, float], k: int | None) -> float:
    """The textbook's formula, on a list cut at k."""
    found = [relevant.get(name, 0.0) for name in ids][:k]
    right = [gain > 0 for gain in found]
    first = [1 / rank for rank, good in enumerate(right, 1) if good]
    if measure == "recall":
        return sum(right) / len(relevant)
    if measure == "precision":
        return sum(right) / (k or 1)
    if measure == "hit":
        return float(any(right))
    if measure == "mrr":
        return first[0] if first else 0.0
    if measure == "map":
        return sum(sum(right[:rank]) / rank for rank, good in enumerate(right, 1) if good) / len(relevant)
    if measure == "rprec":
        return sum(right[: len(relevant)]) / len(relevant)
    ideal = sorted(relevant.values(), reverse=True)[:k]
    gained = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(found, 1))
    return gained / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(ideal, 1))


@given(rankings, gains, cuts)
def test_every_measure_equals_its_formula(ids: list[str], relevant: dict[str, float], k: int) -> None:
    for measure in ("recall", "precision", "hit", "ndcg", "mrr", "map"):
        assert value(f"{measure}@{k}", ids, relevant) == pytest.approx(by_hand(measure, ids, relevant, k), abs=1e-9)
    for measure in ("mrr", "map", "rprec"):
        assert value(measure, ids, relevant) == pytest.approx(by_hand(measure, ids, relevant, None), abs=1e-9)


def test_many_queries_at_once_equal_pytrec_eval_on_scores_without_ties() -> None:
    rng = random.Random(3)
    samples, outputs, judged, run = [], [], {}, {}
    for number in range(200):
        ids = rng.sample(NAMES, rng.randint(1, len(NAMES)))
        relevant = {name: float(rng.randint(1, 3)) for name in rng.sample(NAMES, rng.randint(1, 5))}
        scores = sorted((rng.random() for _ in ids), reverse=True)
        samples.append(Sample(id=str(number), relevant=relevant))
        outputs.append(Output(ranking=tuple(zip(ids, scores, strict=True))))
        judged[str(number)] = {name: int(gain) for name, gain in relevant.items()}
        run[str(number)] = dict(zip(ids, scores, strict=True))
    names = {
        "recall@5": "recall_5",
        "precision@5": "P_5",
        "hit@5": "success_5",
        "ndcg@5": "ndcg_cut_5",
        "mrr": "recip_rank",
        "map@5": "map_cut_5",
        "map": "map",
        "rprec": "Rprec",
    }
    found = pytrec_eval.RelevanceEvaluator(judged, set(names.values())).evaluate(run)
    for ours, theirs in names.items():
        wanted = [found[str(number)][theirs] for number in range(200)]
        assert metric(ours).rows(samples, outputs, Context())[:, 0] == pytest.approx(wanted, abs=1e-9), ours


@given(rankings, gains, cuts, st.randoms())
def test_bounds_and_perfection(ids: list[str], relevant: dict[str, float], k: int, rng: random.Random) -> None:
    best = sorted(relevant, key=lambda name: -relevant[name])
    for measure in ("recall", "hit", "ndcg", "mrr", "map"):
        assert 0.0 <= value(f"{measure}@{k}", ids, relevant) <= 1.0
    for name in (f"ndcg@{k}", f"mrr@{k}", f"hit@{k}", f"recall@{len(best)}", "map", "rprec"):
        assert value(name, best, relevant) == pytest.approx(1.0)
    # What lies behind the cut-off changes nothing.
    tail = ids[k:]
    rng.shuffle(tail)
    assert value(f"ndcg@{k}", ids, relevant) == value(f"ndcg@{k}", ids[:k] + tail, relevant)


def test_order_returned_counts_and_neither_scores_nor_ids() -> None:
    # trec_eval orders by score and breaks ties by id, which would put "z" first in all three.
    for scores in ((0.5, 0.5), (0.1, 0.9), (float("nan"), float("inf"))):
        output = Output(ranking=(("a", scores[0]), ("z", scores[1])))
        rows = metric("mrr").rows([Sample(id="s", relevant={"a": 1.0})], [output], Context())
        assert rows[0, 0] == 1.0


def test_ids_may_hold_anything() -> None:
    ids = ["a b\tc", "", "nul\0one", "nul\0two", "\ud800", "猫"]
    for rank, name in enumerate(ids, 1):
        assert value("mrr", ids, {name: 1.0}) == pytest.approx(1 / rank)


@pytest.mark.parametrize("name", EVERY)
def test_what_cannot_be_scored_is_nan_and_an_empty_ranking_is_zero(name: str) -> None:
    samples = [
        Sample(id="no relevant"),
        Sample(id="gains of 0", relevant={"a": 0.0}),
        Sample(id="no ranking", relevant={"a": 1.0}),
        Sample(id="twice", relevant={"a": 1.0}),
        Sample(id="empty", relevant={"a": 1.0}),
        Sample(id="right", relevant={"a": 1.0}),
    ]
    outputs = [ranked("a"), ranked("a"), Output(), ranked("bbbba"), Output(ranking=()), ranked("a")]
    rows = metric(name).rows(samples, outputs, Context())
    assert rows.shape == (6, 1)
    assert np.isnan(rows[:4, 0]).all()
    assert rows[4, 0] == 0.0
    assert rows[5, 0] == pytest.approx(1 / 3 if name == "precision@3" else 1.0)


@pytest.mark.parametrize("name", EVERY)
def test_nothing_to_score_needs_no_evaluator(name: str) -> None:
    assert metric(name).rows([], [], Context()).shape == (0, 1)
    assert np.isnan(metric(name).rows([Sample(id="s")], [Output()], Context())).all()


def test_gains_matter_to_ndcg_alone_and_only_in_proportion() -> None:
    ids, relevant = ["a", "b", "c"], {"b": 3.0, "c": 1.0}
    assert value("ndcg@3", ids, relevant) == pytest.approx(by_hand("ndcg", ids, relevant, 3), abs=1e-9)
    halves = {name: gain / 4 for name, gain in relevant.items()}
    assert value("ndcg@3", ids, halves) == pytest.approx(value("ndcg@3", ids, relevant), abs=1e-12)
    assert value("recall@2", ids, halves) == 0.5
    assert value("ndcg@3", ids, {**relevant, "a": -1.0}) == pytest.approx(value("ndcg@3", ids, relevant))


@pytest.mark.parametrize("gain", [1 / 3, float("inf"), 123_456_789.001])
def test_a_gain_that_trec_eval_cannot_hold_is_named(gain: float) -> None:
    with pytest.raises(CallerError, match=r"'b'.*1/1000"):
        value("ndcg@3", ["a"], {"a": 1.0, "b": gain})


def test_rows_keep_their_places() -> None:
    samples = [Sample(id=str(i), relevant={} if i % 2 else {"a": 1.0}) for i in range(6)]
    rows = metric("hit@1").rows(samples, [ranked("a" if i < 3 else "b") for i in range(6)], Context())
    assert np.array_equal(rows[:, 0], [1, np.nan, 1, np.nan, 0, np.nan], equal_nan=True)


def test_pure_function_takes_bare_lists() -> None:
    values = ranking.ranked("recall", [["a", "b"], None], [{"b": 1, "x": 1}, {"a": 1}], 2)
    assert values[0] == 0.5
    assert np.isnan(values[1])


def test_fifteen_thousand_samples_take_seconds() -> None:
    rng = random.Random(0)
    pool = [f"document-{i}" for i in range(1000)]
    samples = [Sample(id=str(i), relevant={rng.choice(pool): 1.0}) for i in range(15_000)]
    outputs = [ranked(rng.sample(pool, 50)) for _ in range(15_000)]
    # Processor time: other work on the machine must not fail this.
    start = time.process_time()
    for name in ("recall@1", "recall@10", "ndcg@10", "mrr"):
        assert not np.isnan(metric(name).rows(samples, outputs, Context())).any()
    assert time.process_time() - start < 5.0
