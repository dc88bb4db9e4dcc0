"""The challenge set keeps its balance, and the pools hold one telling text at most."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.overlap import FAMILIES, HIGH, Item, mixed, overlap, read_items
from foveate.rerankers.reasoning.entailment import LABELS

FILE = Path(__file__).parents[2] / "examples" / "overlap.jsonl"


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return read_items(FILE)


def test_size_and_balance(items: list[Item]) -> None:
    assert len(items) >= 160 and {item.family for item in items} == set(FAMILIES)
    counts = Counter(item.label for item in items)
    assert set(counts) == set(LABELS) and max(counts.values()) - min(counts.values()) <= 1
    three = [family for family in FAMILIES if len({item.label for item in items if item.family == family}) == 3]
    assert len(three) >= 8
    assert len({(item.evidence, item.claim) for item in items}) == len(items)


def test_overlap_tells_nothing_of_the_label(items: list[Item]) -> None:
    """Whoever goes by shared words must fail: the best threshold on overlap is little better than guessing."""
    best = max(
        sum((item.overlap >= bar) == (item.label == "entailed") for item in items) for bar in {i.overlap for i in items}
    )
    assert best / len(items) < 0.7  # two thirds are not entailed
    assert sum(item.misleading for item in items) >= 60
    low = [item for item in items if item.label == "entailed" and item.overlap < 0.3]
    assert len(low) >= 8


def test_pairs_that_stand_alone_are_one_line_and_without_spare_space(items: list[Item]) -> None:
    for item in items:
        for text in (item.evidence, item.claim):
            assert text == " ".join(text.split()) and text[-1] == ".", item.id


def test_overlap_by_hand() -> None:
    assert overlap("The mill closed.", "the old MILL burnt") == pytest.approx(2 / 3, abs=1e-4)
    assert overlap("a a b", "b c") == 0.5 and overlap("...", "a") == 0.0
    item = Item(id="x", family="plain", label="neutral", evidence="e", claim="c", overlap=HIGH)
    assert item.misleading


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "maybe"}, "line 2: field 'label' must be one of entailed, contradicted, neutral, found 'maybe'"),
        ({"family": "x"}, "line 2: field 'family'"),
        ({"overlap": 0.1}, "line 2: field 'overlap' must be 1.0, as counted"),
        ({"claim": None}, "line 2: field 'claim' is missing"),
        ({}, "id 'a' stands twice"),
    ],
)
def test_wrong_rows(tmp_path: Path, change: dict[str, object], message: str) -> None:
    row = {
        "id": "a",
        "family": "plain",
        "label": "entailed",
        "evidence": "It rains.",
        "claim": "It rains.",
        "overlap": 1,
    }
    path = tmp_path / "overlap.jsonl"
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row | change)}\n")
    with pytest.raises(CallerError) as caught:
        read_items(path)
    assert message in str(caught.value)


@given(st.integers(0, 5), st.integers(0, 1000))
def test_pools(others: int, seed: int) -> None:
    pools = mixed(6, others=others, seed=seed)
    assert [pool.label for pool in pools] == [*LABELS, *LABELS]
    for pool in pools:
        assert len(set(pool.texts)) == 2 + others + (pool.label != "neutral")
        same = [text for text in pool.texts if text == pool.claim]
        if pool.telling is None:
            assert pool.label == "neutral" and not same
        else:
            telling = pool.texts[pool.telling]
            assert (telling == pool.claim) == (pool.label == "entailed") == bool(same)
            assert overlap(pool.claim, telling) >= 0.6
    assert pools == mixed(6, others=others, seed=seed)


def test_too_many_other_facts() -> None:
    with pytest.raises(CallerError, match="others is 6"):
        mixed(3, others=6)
