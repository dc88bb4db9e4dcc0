from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.rerankers.injection.rows import SUMS, InjectionRow, check_row, features, shuffled, split_rows
from tests.rerankers.injection.making import DIM, row, rows


def test_features_by_hand() -> None:
    """Cosines 0.5 (question), 0.3, 0.1 and 0.2: 40 times, over sqrt(4); the vectors 0.08 times sqrt(4)."""
    vectors = np.array([[0.5, 0, 0, 0], [0, 0.3, 0, 0], [0.1, 0, 0, 0], [0.1, 0.1, 0, 0]], np.float32)
    made = features(vectors)
    assert made.dtype == np.float32
    assert made[:, :4] == pytest.approx(vectors * 0.16)
    assert made[:, 4] == pytest.approx([6.0, 6.0, 2.0, 4.0])
    assert made[:, 5] == pytest.approx([2.0, 2.0, -4.0, -2.0])
    assert made[:, 6].tolist() == [10.0] * 4


def test_one_option_has_no_rival() -> None:
    made = features(np.array([[0.5, 0, 0, 0], [0.1, 0, 0, 0]], np.float32))
    assert made[:, 4:].tolist() == [pytest.approx([2.0, 2.0, 10.0])] * 2


@given(st.integers(1, 6), st.randoms(use_true_random=False), st.integers(0, 99))
def test_the_order_of_options_only_orders_rows(count: int, chance: object, seed: int) -> None:
    one = row(options=count, choice=count - 1, seed=seed)
    order = np.random.default_rng(seed).permutation(count).tolist()
    turned = shuffled(one, order)
    assert features(turned.vectors)[1:] == pytest.approx(features(one.vectors)[1:][order], abs=1e-6)
    assert features(turned.vectors)[0] == pytest.approx(features(one.vectors)[0], abs=1e-6)
    assert turned.choice is not None
    assert turned.options[turned.choice] == one.options[count - 1]
    assert features(one.vectors).shape == (count + 1, DIM + SUMS)


def test_none_stays_none() -> None:
    assert shuffled(row(choice=None), [2, 0, 1]).choice is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": " \n"}, "question is"),
        ({"options": ()}, "1 to 25"),
        ({"options": "sea"}, "'sea'"),
        ({"options": tuple(str(n) for n in range(26))}, "1 to 25"),
        ({"options": ("sea", " ", "ship")}, r"options\[1\] is ' '"),
        ({"options": ("sea", "ship", "sea ")}, r"options\[2\] is 'sea ', as options\[0\]"),
        ({"choice": 3}, "allowed are 0 to 2"),
        ({"choice": -1}, "allowed are 0 to 2"),
        ({"vectors": np.zeros((3, DIM), np.float32)}, r"shape \(3, 12\); needed is float32 of shape \(4, 12\)"),
        ({"vectors": np.zeros((4, DIM + 1), np.float32)}, r"needed is float32 of shape \(4, 12\)"),
        ({"vectors": np.zeros((4, DIM))}, "float64"),
        ({"vectors": np.float32(0)}, "needed is"),
        ({"vectors": np.full((4, DIM), np.nan, np.float32)}, r"vectors\[0\]"),
    ],
)
def test_bad_rows(change: dict[str, object], message: str) -> None:
    check_row(row(), DIM)
    check_row(row())
    bad: InjectionRow = replace(row(), **change)  # type: ignore[arg-type]
    with pytest.raises(CallerError, match=message):
        check_row(bad, DIM)


@given(st.integers(4, 30), st.floats(0.01, 0.99), st.integers(0, 9))
def test_groups_stay_together(count: int, share: float, seed: int) -> None:
    made = rows(count)
    kept, held = split_rows(made, share, seed)
    assert kept and held and len(kept) + len(held) == count
    assert not {one.group for one in kept} & {one.group for one in held}
    again = split_rows(made[::-1], share, seed)
    assert {one.group for one in again[1]} == {one.group for one in held}


def test_too_few_groups() -> None:
    with pytest.raises(CallerError, match="1 different groups"):
        split_rows(rows(2), 0.5, 0)
    with pytest.raises(CallerError, match="held_out is 1"):
        split_rows(rows(8), 1.0, 0)
