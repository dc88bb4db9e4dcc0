import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.rerankers.orders import arrangements, central, first_stage, parse_order, place_scores, windows
from tests.contracts.reranker import result

PIECES = st.sampled_from(["[1]", "[2]", "[ 3 ]", "[4]", "[0]", "[99]", "[12345678]", " > ", ",", "7", "\n", "</think>"])


@pytest.mark.parametrize(
    ("text", "order", "named"),
    [
        ("[2] > [1] > [3]", [1, 0, 2], 3),
        ("[3]", [2, 0, 1], 1),
        ("The best is [2], then [2] again, then [7] and [0].", [1, 0, 2], 1),
        ("3 > 1 > 2", [2, 0, 1], 3),
        ("3, 1.", [2, 0, 1], 2),
        ("There are 3 candidates", [0, 1, 2], 0),
        ("<think>[1] > [2]?</think>\n[3] > [2] > [1]", [2, 1, 0], 3),
        ("", [0, 1, 2], 0),
        ("[\u0662] > [1]", [0, 1, 2], 1),
        ("9" * 5000, [0, 1, 2], 0),
    ],
)
def test_what_is_read(text: str, order: list[int], named: int) -> None:
    assert parse_order(text, 3) == (order, named)


@given(st.text() | st.lists(PIECES).map("".join), st.integers(0, 30))
def test_any_text_is_a_permutation(text: str, count: int) -> None:
    order, named = parse_order(text, count)
    assert sorted(order) == list(range(count))
    assert 0 <= named <= count
    assert order[named:] == sorted(order[named:])


@given(st.permutations(range(12)))
def test_a_whole_order_comes_back(order: list[int]) -> None:
    assert parse_order(" > ".join(f"[{at + 1}]" for at in order), 12) == (order, 12)


def test_windows_of_rank_gpt() -> None:
    assert list(windows(30, 20, 10)) == [range(10, 30), range(0, 20)]
    assert list(windows(12, 5, 3)) == [range(7, 12), range(4, 9), range(1, 6), range(0, 3)]
    assert list(windows(3, 20, 10)) == [range(0, 3)]
    assert list(windows(0, 20, 10)) == []


@given(st.integers(1, 200), st.integers(2, 30), st.data())
def test_windows_meet_everybody_and_overlap(count: int, size: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, size))
    made = list(windows(count, size, step))
    assert set(itertools.chain(*made)) == set(range(count))
    assert made[-1].start == 0 and all(len(one) <= size for one in made)
    for later, earlier in itertools.pairwise(made):
        assert len(set(later) & set(earlier)) == size - step


@pytest.mark.parametrize(("size", "step"), [(1, 1), (5, 0), (5, 6)])
def test_windows_that_cannot_be(size: int, step: int) -> None:
    with pytest.raises(CallerError, match=str(step)):
        list(windows(10, size, step))


@given(st.sets(st.text(max_size=5), min_size=1, max_size=15), st.integers(1, 7), st.randoms())
def test_arrangements_follow_from_ids_alone(names: set[str], rounds: int, chance: random.Random) -> None:
    one, other = sorted(names), sorted(names)
    chance.shuffle(other)
    forth = [[one[at] for at in order] for order in arrangements(one, rounds)]
    assert [[other[at] for at in order] for order in arrangements(other, rounds)] == forth
    assert all(sorted(order) == sorted(names) for order in forth)
    for even, odd in zip(forth[::2], forth[1::2], strict=False):
        assert even == odd[::-1]


def test_arrangements_differ() -> None:
    made = arrangements([digest(str(n)) for n in range(8)], 6)
    assert len({tuple(order) for order in made}) == 6


def test_central_by_hand() -> None:
    assert central([[2, 0, 1]]) == [2, 0, 1]
    # Mean places: 0 has 2/3, 1 has 1, 2 has 4/3; each neighbouring pair agrees with most orders.
    assert central([[0, 1, 2], [0, 1, 2], [2, 1, 0]]) == [0, 1, 2]
    # Places 0: 0+0+0+4+4 = 8, 1: 1+1+1+0+0 = 3: Borda has 1 first, yet three of five put 0 first.
    orders = [[0, 1, 2, 3, 4]] * 3 + [[1, 2, 3, 4, 0]] * 2
    assert central(orders) == [0, 1, 2, 3, 4]


def test_an_order_and_its_reverse_say_nothing() -> None:
    assert central([[3, 1, 4, 0, 2], [2, 0, 4, 1, 3]]) == [0, 1, 2, 3, 4]


@given(st.lists(st.permutations(range(5)), min_size=1, max_size=5))
def test_central_is_locally_best(orders: list[list[int]]) -> None:
    """No swap of neighbours brings it nearer to the orders: the definition of local Kemeny optimality."""
    found = central(orders)
    assert sorted(found) == list(range(5))
    for before, after in itertools.pairwise(found):
        wanted = sum(order.index(after) < order.index(before) for order in orders)
        assert wanted * 2 <= len(orders)


@given(st.permutations(range(5)), st.integers(0, 3), st.integers(0, 2**16))
def test_central_finds_the_exact_optimum_of_little_noise(truth: list[int], swap: int, seed: int) -> None:
    """Against brute force over all 120 orders: one swapped pair in one order of three is outvoted."""
    noisy = truth[:]
    noisy[swap], noisy[swap + 1] = noisy[swap + 1], noisy[swap]
    orders = [truth, noisy, truth]
    random.Random(seed).shuffle(orders)

    def distance(order: tuple[int, ...]) -> int:
        pairs = itertools.combinations(order, 2)
        return sum(other.index(a) > other.index(b) for a, b in pairs for other in orders)

    assert central(orders) == list(min(itertools.permutations(range(5)), key=distance)) == truth


def test_first_stage_order() -> None:
    pool = [result("a", "x", score=0.1), result("b", "x", score=float("nan")), result("c", "x", score=0.5)]
    pool += [result("d", "x", score=0.1), result("e", "x", score=float("nan"))]
    tied, lost = sorted([digest("a"), digest("d")]), sorted([digest("b"), digest("e")])
    for order in itertools.permutations(pool):
        assert [one.chunk.id for one in first_stage(order)] == [digest("c"), *tied, *lost]


def test_place_scores() -> None:
    assert place_scores(4) == [1.0, 0.75, 0.5, 0.25]
    assert place_scores(0) == []
