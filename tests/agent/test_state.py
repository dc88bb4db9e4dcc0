"""Merging what steps add: their order does not matter, and adding the same again changes nothing."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foveate.agent.state import (
    EvidenceRef,
    QuoteRef,
    StepAnswer,
    merge_answers,
    merge_evidence,
    merge_quotes,
    merge_texts,
    merge_trace,
    merge_usage,
)

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.sampled_from("abcdef")
SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.5000001, 1.0])


@st.composite
def evidence(draw: st.DrawFn, step: int) -> list[EvidenceRef]:
    """What one step turned up: each chunk once."""
    rows = draw(st.dictionaries(NAMES, st.tuples(SCORES, st.integers(1, 3)), max_size=5))
    return [
        EvidenceRef(chunk_id=name, score=score, stages={"bm25": [1.0, 0.0]}, hop=hop, step=step)
        for name, (score, hop) in rows.items()
    ]


@st.composite
def quotes(draw: st.DrawFn, step: int) -> list[QuoteRef]:
    """What one step read, best first."""
    places = draw(st.lists(st.tuples(NAMES, st.integers(0, 2)), unique=True, max_size=5))
    return [QuoteRef(chunk_id=name, start=at, end=at + 5, words="", step=step) for name, at in places]


def answer(text: str) -> StepAnswer:
    return StepAnswer(
        query="q",
        text=text,
        probability=None,
        confidence=0.5,
        quotes=[],
        conflicts=[],
        rounds=1,
        problem="",
    )


COUNTS = st.fixed_dictionaries(
    {name: st.integers(0, 10**9) for name in ("tokens_in", "tokens_out", "images_sent", "frames_decoded", "hops")},
    # Dyadic fractions add up exactly, whatever the order.
    optional={
        "seconds": st.dictionaries(st.sampled_from(["read", "gather"]), st.integers(0, 999).map(lambda n: n / 8)),
        "seconds_saved": st.integers(0, 999).map(lambda n: n / 8),
    },
)
MERGES: list[tuple[Any, Any]] = [
    (merge_evidence, (evidence(1), evidence(2), evidence(3))),
    (merge_quotes, (quotes(1), quotes(2), quotes(3))),
    (
        merge_answers,
        tuple(st.just({str(step): answer(text)}) for step, text in ((1, "a"), (2, "b"), (12, "c"))),
    ),
    (merge_usage, (COUNTS, COUNTS, COUNTS)),
]
PARTS = pytest.mark.parametrize(("merge", "parts"), MERGES, ids=[merge.__name__ for merge, _ in MERGES])


@PARTS
@CALM
@given(st.data())
def test_the_order_of_steps_does_not_matter(merge: Any, parts: Any, data: st.DataObject) -> None:
    one, two, three = (data.draw(part) for part in parts)
    empty: Any = [] if isinstance(one, list) else {}
    want = merge(merge(merge(empty, one), two), three)
    assert merge(merge(merge(empty, three), one), two) == want
    assert merge(merge(merge(empty, two), three), one) == want
    assert merge(merge(empty, one), merge(merge(empty, two), three)) == want
    assert json.loads(json.dumps(want, allow_nan=False)) == want


@pytest.mark.parametrize(("merge", "parts"), MERGES[:3], ids=[merge.__name__ for merge, _ in MERGES[:3]])
@CALM
@given(st.data())
def test_adding_the_same_again_changes_nothing(merge: Any, parts: Any, data: st.DataObject) -> None:
    one, two = data.draw(parts[0]), data.draw(parts[1])
    once = merge(merge(type(one)(), one), two)
    assert merge(once, one) == once and merge(once, two) == once and merge(once, once) == once


@CALM
@given(evidence(1), evidence(2))
def test_evidence_keeps_the_best_of_each_chunk_best_first(one: list[EvidenceRef], two: list[EvidenceRef]) -> None:
    merged = merge_evidence(one, two)
    assert len({ref["chunk_id"] for ref in merged}) == len(merged)
    for ref in merged:
        assert ref["score"] == max(other["score"] for other in (*one, *two) if other["chunk_id"] == ref["chunk_id"])
    assert merged == sorted(merged, key=lambda ref: (-ref["score"], ref["chunk_id"]))


def test_of_equal_scores_the_earlier_step_and_round_is_named() -> None:
    def ref(step: int, hop: int) -> EvidenceRef:
        return EvidenceRef(chunk_id="a", score=0.5, stages={}, hop=hop, step=step)

    assert merge_evidence([ref(2, 1)], [ref(1, 2)])[0]["step"] == 1
    assert merge_evidence([ref(1, 2)], [ref(1, 1)])[0]["hop"] == 1


def test_a_step_keeps_the_order_of_its_quotes() -> None:
    def quote(name: str, step: int) -> QuoteRef:
        return QuoteRef(chunk_id=name, start=0, end=3, words="", step=step)

    best_first = [quote("z", 1), quote("a", 1)]
    merged = merge_quotes([quote("a", 2), quote("m", 2)], best_first)
    assert [(one["chunk_id"], one["step"]) for one in merged] == [("z", 1), ("a", 1), ("m", 2)]


@CALM
@given(COUNTS, COUNTS)
def test_usage_adds_up(one: dict[str, Any], two: dict[str, Any]) -> None:
    total = merge_usage(one, two)
    for name in ("tokens_in", "tokens_out", "hops"):
        assert total[name] == one[name] + two[name]
    for stage in ("read", "gather"):
        known = [part["seconds"][stage] for part in (one, two) if stage in part.get("seconds", {})]
        assert total["seconds"].get(stage) == (sum(known) if known else None)
    # Not measured is not nothing.
    assert ("seconds_saved" in total and total["seconds_saved"] is not None) == (
        "seconds_saved" in one or "seconds_saved" in two
    )


def test_small_seconds_are_not_rounded_away() -> None:
    total: dict[str, Any] = {}
    for _ in range(1000):
        total = merge_usage(total, {"seconds": {"read": 0.0001}, "seconds_saved": 0.0001})
    assert total["seconds"]["read"] == pytest.approx(0.1) and total["seconds_saved"] == pytest.approx(0.1)


@CALM
@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_texts_once_in_order(one: list[str], two: list[str]) -> None:
    merged = merge_texts(one, two)
    assert len(set(merged)) == len(merged) and set(merged) == {*one, *two}
    assert merged == sorted(merged, key=[*one, *two].index)
    assert merge_texts(merged, two) == merged


def test_the_trace_keeps_everything() -> None:
    assert merge_trace([{"stage": "a"}], [{"stage": "a"}]) == [{"stage": "a"}, {"stage": "a"}]
