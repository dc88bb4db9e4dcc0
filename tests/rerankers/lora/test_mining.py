from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from foveate.errors import CallerError
from foveate.rerankers.lora.mining import Item, Mining, mine
from foveate.rerankers.lora.pairs import Pair, by_group


def item(number: int, **changes: object) -> Item:
    made = Item(id=f"c{number}", media_id=f"m{number}", parent=None, question=f"q{number}", candidate=f"text {number}")
    return replace(made, **changes)  # type: ignore[arg-type]


def apart(items: Sequence[Item]) -> NDArray[np.float32]:
    return np.eye(len(items), dtype=np.float32)


def found(items: Sequence[Item], ranked: Sequence[str], options: Mining = Mining(hard=9, easy=0)) -> list[str]:  # noqa: B008
    """Mismatches of the first item."""
    pairs = list(mine(items, lambda _: ranked, [apart], options))
    return [pair.candidate for pair in by_group(pairs).get("c0", []) if not pair.label]


def test_match_first_then_hard_in_order() -> None:
    items = [item(0), *(item(at, question="") for at in range(1, 5))]
    pairs = list(mine(items, lambda _: ["c3", "c0", "c1", "c9"], [apart], Mining(hard=2, easy=1)))
    assert pairs[:3] == [
        Pair(question="q0", candidate="text 0", label=True, group="c0"),
        Pair(question="q0", candidate="text 3", label=False, group="c0"),
        Pair(question="q0", candidate="text 1", label=False, group="c0"),
    ]
    assert len(pairs) == 4 and pairs[3].candidate in ("text 2", "text 4")


@pytest.mark.parametrize(
    "twin",
    [
        {"media_id": "m0"},
        {"parent": "c0"},
        {"candidate": "text 0"},
        {"question": " Q0 "},
        {"candidate": " "},
    ],
)
def test_never_a_mismatch(twin: dict[str, object]) -> None:
    items = [item(0), item(1, **twin), item(2)]
    assert found(items, ["c1", "c2"]) == ["text 2"]


def test_a_parent_is_no_mismatch() -> None:
    assert found([item(0, parent="c1"), item(1), item(2)], ["c1", "c2"]) == ["text 2"]


def test_ceiling() -> None:
    angles = np.array([0.0, 0.3, 0.6, 1.5])
    rows = np.stack([np.cos(angles), np.sin(angles)], -1).astype(np.float32)
    items = [item(0), item(1), item(2), item(3)]

    def mined(ceiling: float) -> list[str]:
        options = Mining(hard=9, easy=0, ceiling=ceiling)
        pairs = mine(items, lambda _: ["c1", "c2", "c3"], [apart, lambda _: rows], options)
        return [pair.candidate for pair in pairs if pair.group == "c0" and not pair.label]

    assert mined(0.99) == ["text 1", "text 2", "text 3"]
    assert mined(0.9) == ["text 2", "text 3"]
    assert mined(0.5) == ["text 3"]
    assert mined(0.01) == []


def test_other_questions_change_no_easy_ones() -> None:
    items = [item(at, question=f"q{at}" if at < 3 else "") for at in range(30)]
    options = Mining(hard=0, easy=3)
    alone = list(mine([items[0], *(replace(one, question="") for one in items[1:])], lambda _: [], [apart], options))
    together = [pair for pair in mine(items, lambda _: [], [apart], options) if pair.group == "c0"]
    assert alone == together
    other = mine(items, lambda _: [], [apart], replace(options, seed=1))
    assert [pair for pair in other if pair.group == "c0"] != together


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=12),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_no_question_contradicts_itself(rows: list[tuple[int, int, int]], hard: int, easy: int) -> None:
    items = [
        item(at, media_id=f"m{media}", candidate=f"t{text}", question=f"q{asked}" if asked else "")
        for at, (media, text, asked) in enumerate(rows)
    ]
    if hard + easy == 0:
        return
    order = [one.id for one in items][::-1]
    for group in by_group(mine(items, lambda _: order, [apart], Mining(hard=hard, easy=easy))).values():
        assert [pair.label for pair in group] == [True, *[False] * (len(group) - 1)]
        assert 2 <= len(group) <= 1 + hard + easy
        assert len({pair.candidate for pair in group}) == len(group)


def test_progress_and_refusals() -> None:
    told: list[tuple[int, int]] = []
    list(mine([item(0), item(1)], lambda _: [], [apart], Mining(), lambda done, whole: told.append((done, whole))))
    assert told == [(1, 2), (2, 2)]
    for items, options in (
        ([item(0), item(0)], Mining()),
        ([item(0)], Mining(hard=0, easy=0)),
        ([item(0)], Mining(hard=-1)),
        ([item(0)], Mining(ceiling=0.0)),
        ([item(0)], Mining(ceiling=float("nan"))),
    ):
        with pytest.raises(CallerError):
            list(mine(items, lambda _: [], [apart], options))
    assert list(mine([], lambda _: [], [apart], Mining())) == []
