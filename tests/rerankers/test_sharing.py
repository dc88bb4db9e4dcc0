from hypothesis import given
from hypothesis import strategies as st

from foveate.rerankers.sharing import Group, batches, common, groups

ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), max_size=14, unique=True)


def prompts(questions: int, candidates: int, asked: int = 20) -> list[list[int]]:
    return [
        [*range(30), *[1000 + question] * asked, *[2000 + candidate] * 10]
        for question in range(questions)
        for candidate in range(candidates)
    ]


def test_candidates_of_one_question_share_it() -> None:
    (group,) = groups(prompts(1, 50))
    assert group.shared == 50 and sorted(group.members) == list(range(50))


def test_each_question_is_a_group_where_that_saves() -> None:
    found = groups(prompts(3, 10))
    assert {(one.shared, len(one.members)) for one in found} == {(50, 10)} and len(found) == 3
    # Two candidates of a five-token question save less than a pass through the model costs.
    assert [(one.shared, len(one.members)) for one in groups(prompts(3, 2, asked=5))] == [(30, 6)]


def test_one_prompt_shares_all_but_its_last_token() -> None:
    """Which then comes from what an earlier call kept, as far as it goes."""
    assert groups([(1, 2, 3)]) == [Group(shared=2, members=(0,))]
    assert groups([]) == []


@given(ROWS)
def test_every_row_once_with_a_true_beginning(rows: list[tuple[int, ...]]) -> None:
    found = groups(rows)
    assert sorted(at for group in found for at in group.members) == list(range(len(rows)))
    for group in found:
        first = rows[group.members[0]]
        for at in group.members:
            assert rows[at][: group.shared] == first[: group.shared]
            assert len(rows[at]) > group.shared


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_that_rows_come_in_changes_nothing(rows: list[tuple[int, ...]], chance: object) -> None:
    shuffled = rows[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [(one.shared, [rows[at] for at in one.members]) for one in groups(rows)] == [
        (one.shared, [shuffled[at] for at in one.members]) for one in groups(shuffled)
    ]


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(0, 50))
def test_batches_keep_their_limits(lengths: list[int], shared: int) -> None:
    made = batches(lengths, shared=shared, tokens=64, positions=200)
    assert sorted(at for batch in made for at in batch) == list(range(len(lengths)))
    flat = [lengths[at] for batch in made for at in batch]
    assert flat == sorted(flat)
    for batch in made:
        widest = max(lengths[at] for at in batch)
        assert len(batch) == 1 or (len(batch) * widest <= 64 and len(batch) * (shared + widest) <= 200)


def test_common() -> None:
    assert (common("abcd", "abxd"), common("", "a"), common("ab", "ab")) == (2, 0, 2)  # type: ignore[arg-type]
