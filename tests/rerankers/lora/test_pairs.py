import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.rerankers.lora.pairs import Pair, by_group, pairs_digest, read_pairs, split_pairs, write_pairs

GOOD = {"question": "q", "candidate": "c", "label": 1}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_reads(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    file = write(tmp_path / "pairs.jsonl", GOOD, "", {**GOOD, "candidate": "", "label": 0, "images": ["a.png"]})
    assert read_pairs(file) == [
        Pair(question="q", candidate="c", label=True),
        Pair(question="q", candidate="", label=False, images=(tmp_path / "a.png",)),
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ([1], "not an object"),
        ({**GOOD, "lable": 1}, "'lable'"),
        ({"question": "q", "candidate": "c"}, "'label' is missing"),
        ({**GOOD, "label": 2}, "'label' is 2; allowed: 0, 1"),
        ({**GOOD, "label": True}, "'label' is True"),
        ({**GOOD, "label": 1.0}, "'label' is 1.0"),
        ({**GOOD, "question": ""}, "'question' is empty"),
        ({**GOOD, "candidate": " "}, "'candidate' is empty"),
        ({**GOOD, "candidate": None}, "'candidate' is None"),
        ({**GOOD, "split": "test"}, "'split' is 'test'; allowed: 'train', 'dev'"),
        ({**GOOD, "images": "a.png"}, "'images' is 'a.png'"),
        ({**GOOD, "images": ["none.png"]}, "none.png"),
        ({**GOOD, "images": [""]}, "'images'"),
        ({**GOOD, "label": 0}, "another label"),
    ],
)
def test_bad_rows_name_their_line(tmp_path: Path, row: object, told: str) -> None:
    file = write(tmp_path / "pairs.jsonl", GOOD, row)
    with pytest.raises(CallerError, match="line 2") as caught:
        read_pairs(file)
    assert told in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no file"):
        read_pairs(tmp_path / "none.jsonl")
    with pytest.raises(CallerError, match="no pairs"):
        read_pairs(write(tmp_path / "empty.jsonl", ""))
    with pytest.raises(CallerError, match="to all or to none"):
        read_pairs(write(tmp_path / "some.jsonl", {**GOOD, "split": "dev"}, {**GOOD, "candidate": "d"}))
    with pytest.raises(CallerError, match="both splits"):
        rows = [{**GOOD, "split": "dev"}, {**GOOD, "candidate": "d", "split": "train"}]
        read_pairs(write(tmp_path / "both.jsonl", *rows))
    with pytest.raises(CallerError, match="longer than"):
        read_pairs(write(tmp_path / "long.jsonl", {**GOOD, "candidate": "x" * 2**20}))


def test_twice_is_once(tmp_path: Path) -> None:
    assert len(read_pairs(write(tmp_path / "pairs.jsonl", GOOD, GOOD))) == 1


def test_written_as_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    pairs = [
        Pair(question="é\nq", candidate="c", label=True, group="g", split="dev"),
        Pair(question="q", candidate="", label=False, images=(tmp_path / "a.png",), split="train"),
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


def many(count: int) -> list[Pair]:
    return [
        Pair(question=f"q{number}", candidate=f"c{place}", label=place == 0)
        for number in range(count)
        for place in range(3)
    ]


@given(st.permutations(range(40)))
def test_split_by_question(order: list[int]) -> None:
    groups = list(by_group(many(40)).values())
    train, dev = split_pairs([pair for at in order for pair in groups[at]], 0.25)
    assert {pair.key for pair in train}.isdisjoint(pair.key for pair in dev)
    assert len(train) + len(dev) == 120
    # A question's side depends on nothing but the question.
    whole = {pair.key for pair in split_pairs(many(60), 0.25)[1]}
    assert {pair.key for pair in dev} <= whole


def test_share_held_out() -> None:
    assert 150 <= len(by_group(split_pairs(many(1000), 0.2)[1])) <= 250


def test_one_side_without_a_label() -> None:
    pairs = [Pair(question=f"q{at}", candidate="c", label=True, split="dev" if at else "train") for at in range(3)]
    with pytest.raises(CallerError, match=r"train pairs \(1\) have none with label 0"):
        split_pairs(pairs, 0.1)


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    pairs = [*many(2), Pair(question="q", candidate="", label=False, images=(tmp_path / "a.png",))]
    before = pairs_digest(pairs)
    assert before == pairs_digest(list(pairs)) != pairs_digest(pairs[::-1])
    (tmp_path / "a.png").write_bytes(b"y")
    assert pairs_digest(pairs) != before
