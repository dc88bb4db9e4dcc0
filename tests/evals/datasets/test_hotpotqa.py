import copy
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.hotpotqa import read
from foveate.evals.reading.paragraphs import Paragraphs
from foveate.evals.samples import Document, Place
from tests.evals.published import write_json

FIRST: dict[str, Any] = {
    "_id": "5a8b57f25542995d1e6f1371",
    "answer": "yes",
    "question": "Were Scott Derrickson and Ed Wood of the same nationality?",
    "supporting_facts": [["Scott Derrickson", 0], ["Ed Wood", 1]],
    "context": [
        ["Ed Wood (film)", ["Ed Wood is a film.", " It is of 1994."]],
        ["Scott Derrickson", ["Scott Derrickson is an American director."]],
        ["Ed Wood", ["Edward Davis Wood Jr.", " He was American."]],
    ],
    "type": "comparison",
    "level": "hard",
}
SECOND: dict[str, Any] = {
    "_id": "5a8c7595554299585d9e36b6",
    "answer": "Chief of Protocol",
    "question": "What position did she hold?",
    "supporting_facts": [["Ed Wood", 0], ["Shirley Temple", 0], ["Shirley Temple", 1]],
    "context": [["Ed Wood", ["Edward Davis Wood Jr.", " He was American."]], ["Ed Wood (film)", ["Another text."]]],
    "type": "bridge",
    "level": "easy",
}


def put(folder: Path, *rows: dict[str, Any], name: str = "hotpot_dev_distractor_v1.json") -> Path:
    write_json(folder / name, list(rows))
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, FIRST))
    (sample,) = dataset.samples
    key = "5a8b57f25542995d1e6f1371"
    assert sample.id == key
    assert sample.text == "Were Scott Derrickson and Ed Wood of the same nationality?"
    assert sample.answers == ("yes",)
    assert sample.candidates == (f"{key}/Ed Wood (film)", f"{key}/Scott Derrickson", f"{key}/Ed Wood")
    assert sample.facts == (
        Place(document=f"{key}/Scott Derrickson", sentence=0),
        Place(document=f"{key}/Ed Wood", sentence=1),
    )
    assert sample.relevant == {f"{key}/Scott Derrickson": 1.0, f"{key}/Ed Wood": 1.0}
    assert sample.slices == {"type": "comparison", "level": "hard", "hops": "2"}
    assert (sample.answerable, sample.group, sample.images, sample.options) == (None, "", (), ())
    assert dataset.documents[0] == Document(
        id=f"{key}/Ed Wood (film)", text="Ed Wood is a film. It is of 1994.", title="Ed Wood (film)"
    )
    assert (dataset.name, dataset.licence, len(dataset.documents)) == ("hotpotqa", "CC-BY-SA-4.0", 3)
    assert "hotpot_dev_distractor_v1.json" in dataset.source


def test_each_question_has_its_own_paragraphs(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, FIRST, SECOND))
    assert len(dataset.documents) == 5
    assert len({document.id for document in dataset.documents}) == 5


def test_pooled_paragraphs_are_one_document_when_equal(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, FIRST, SECOND), pool="yes")
    first, second = dataset.samples
    other = second.candidates[1]
    assert first.candidates == ("Ed Wood (film)", "Scott Derrickson", "Ed Wood")
    assert second.candidates[0] == "Ed Wood"
    assert other.startswith("Ed Wood (film)#")  # the same title with another text hides nothing
    assert {document.id: document.text for document in dataset.documents}[other] == "Another text."
    assert len(dataset.documents) == 4
    assert first.relevant == {"Scott Derrickson": 1.0, "Ed Wood": 1.0}


def test_gold_that_the_authors_search_missed_stays_relevant(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, SECOND, name="hotpot_dev_fullwiki_v1.json"), setting="fullwiki")
    (sample,) = dataset.samples
    absent = "5a8c7595554299585d9e36b6/Shirley Temple"
    assert sample.relevant[absent] == 1.0
    assert absent not in sample.candidates
    assert absent not in {document.id for document in dataset.documents}
    assert sample.slices["hops"] == "2"
    assert [place.sentence for place in sample.facts] == [0, 0, 1]


def test_the_test_file_has_no_answers(tmp_path: Path) -> None:
    blind = {key: FIRST[key] for key in ("_id", "question", "context")}
    (sample,) = read(
        put(tmp_path, blind, name="hotpot_test_fullwiki_v1.json"), setting="fullwiki", split="test"
    ).samples
    assert (sample.answers, sample.facts, sample.relevant, sample.slices) == ((), (), {}, {})


def test_train_is_one_file_for_both_settings(tmp_path: Path) -> None:
    put(tmp_path, FIRST, name="hotpot_train_v1.1.json")
    assert read(tmp_path, split="train") == read(tmp_path, split="train", setting="fullwiki")


def broken(**changes: Any) -> dict[str, Any]:
    row = copy.deepcopy(FIRST)
    row.update(changes)
    return row


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (broken(question=7), r"hotpot_dev_distractor_v1\.json, entry 1: field 'question' must be str, found 7"),
        (broken(answer=["yes"]), r"entry 1: field 'answer' must be str"),
        (broken(context={"title": []}), r"entry 1: field 'context' must be list"),
        (broken(context=[["Title"]]), r"entry 1: field 'context\[0\]' must be \[title, \[sentence, \.\.\.\]\]"),
        (broken(context=[["Title", ["one", 2]]]), r"field 'context\[0\]' .*found \['Title', \['one', 2\]\]"),
        (broken(context=[["Title", "one"]]), r"field 'context\[0\]'"),
        (
            broken(supporting_facts=[["Title", "0"]]),
            r"field 'supporting_facts\[0\]' must be \[title, sentence number\]",
        ),
        (broken(supporting_facts=[["Title", True]]), r"field 'supporting_facts\[0\]'"),
        (broken(_id=None), r"field '_id' is missing"),
        (broken(type=["bridge"]), r"field 'type' must be str or number"),
    ],
)
def test_a_wrong_row_names_file_entry_field_and_value(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, SECOND, row))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "option split='val' is unknown; choices: dev, train"),
        ({"setting": "open"}, "option setting='open' is unknown; choices: distractor, fullwiki"),
        ({"split": "test"}, "option split='test' is unknown; choices: dev, train"),
        ({"pool": "maybe"}, "option pool='maybe' is unknown; choices: no, yes"),
    ],
)
def test_unknown_options(tmp_path: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, FIRST), **options)


def test_a_question_that_comes_twice(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="two samples have the id '5a8b57f25542995d1e6f1371'"):
        read(put(tmp_path, FIRST, FIRST))


def test_paragraphs_keep_the_first_and_name_others_by_hash() -> None:
    pool = Paragraphs()
    first, second, again = pool.add("T", "T", "one"), pool.add("T", "T", "two"), pool.add("T", "T", "two")
    assert first == "T"
    assert second == again
    assert second == "T#3fc4ccfe"  # sha256("two")[:8]
    assert [document.text for document in pool.all()] == ["one", "two"]
