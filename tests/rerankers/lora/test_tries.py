from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.lora.tries import Example, trie_rows, walked


def example(prompt: list[int], reply: list[int], at: int = 0) -> Example:
    return Example(tokens=(*prompt, *reply), targets=(*reply, 99), at=at)


def test_by_hand() -> None:
    rows = trie_rows([example([1, 2, 3], [8]), example([1, 2, 4, 5], [], at=1), example([7], [6], at=2)], 100)
    assert len(rows) == 1 and rows[0].size == 8 and rows[0].shared == (0, 2, 0)
    put = walked(rows[0])
    assert put.tokens.tolist() == [[1, 2, 3, 8, 4, 5, 7, 6]]
    assert put.positions.tolist() == [[0, 1, 2, 3, 2, 3, 0, 1]]
    assert put.places.tolist() == [2, 3, 5, 6, 7] and put.targets.tolist() == [8, 99, 99, 6, 99]
    assert (put.mask[0, 0] == 0).int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 1, 0, 0, 0],
        [1, 1, 0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1, 1],
    ]


def test_beginnings_nest() -> None:
    """Instructions by all, notes by two of them."""
    made = [example([1, 1, 2, 2, 3], [5]), example([1, 1, 2, 2, 4], [5], 1), example([1, 1, 6, 6], [5], 2)]
    row = trie_rows(made, 100)[0]
    assert row.size == 6 + 2 + 3


def test_what_foretells_is_never_shared() -> None:
    """Equal prompts with two replies: each reads the prompt's last token for itself."""
    row = trie_rows([example([1, 2], [3]), example([1, 2], [3, 4], 1)], 100)[0]
    assert row.shared == (0, 1) and walked(row).targets.tolist() == [3, 99, 3, 4, 99]


@st.composite
def examples(draw: st.DrawFn) -> list[Example]:
    tokens = st.lists(st.integers(0, 2), min_size=1, max_size=6)
    replies = st.lists(st.integers(0, 2), max_size=3)
    made = draw(st.lists(st.tuples(tokens, replies), max_size=14))
    return [example(prompt, reply, at) for at, (prompt, reply) in enumerate(made)]


@given(examples(), st.integers(1, 40), st.integers(1, 4))
def test_every_example_can_be_read_back(made: list[Example], limit: int, window: int) -> None:
    rows = trie_rows(made, limit, window)
    assert sorted(item.at for row in rows for item in row.examples) == list(range(len(made)))
    for row in rows:
        put = walked(row)
        assert row.size == put.tokens.shape[1] and (row.size <= limit or len(row.examples) == 1)
        start = 0
        for item in row.examples:
            stop = start + len(item.targets)
            assert tuple(put.targets[start:stop].tolist()) == item.targets
            for step, place in enumerate(put.places[start:stop].tolist()):
                seen = (put.mask[0, 0, place] == 0).nonzero().flatten()
                read = item.tokens[: item.shareable + step + 1]
                assert tuple(put.tokens[0, seen].tolist()) == read
                assert put.positions[0, seen].tolist() == list(range(len(read)))
            start = stop


@given(examples(), st.integers(8, 40), st.integers(1, 4))
def test_windows_keep_the_order(made: list[Example], limit: int, window: int) -> None:
    """A step's rows hold neighbours of the training's order: no example waits longer than a window."""
    rows = trie_rows(made, limit, window)
    done = 0
    while rows:
        for count in range(min(window, len(rows)), 0, -1):
            ats = {item.at for row in rows[:count] for item in row.examples}
            if ats == set(range(done, done + len(ats))):
                break
        else:
            raise AssertionError("rows of one window are not neighbours")
        done, rows = done + len(ats), rows[count:]
    assert done == len(made)
