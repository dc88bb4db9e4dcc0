from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.infoseek import read
from foveate.evals.samples import Document, Place
from tests.evals.published import picture, write_jsonl

ROWS: list[dict[str, Any]] = [
    {
        "data_id": "infoseek_val_00000000",
        "image_id": "oven_04990048",
        "question": "Which place is this animal endemic to?",
        "answer": ["People's Republic of China"],
        "answer_eval": ["cn", "People's Republic of China", "PRC"],
        "data_split": "val_unseen_question",
    },
    {
        "data_id": "infoseek_val_00000001",
        "image_id": "oven_01963180",
        "question": "How tall is it in metres?",
        "answer": ["1.0"],
        "answer_eval": [{"wikidata": 1.0, "range": [0.9, 1.1]}],
        "data_split": "val_unseen_entity",
    },
]
ENTITIES = [
    {"data_id": "infoseek_val_00000000", "entity_id": "Q178185", "entity_text": "Heat engine"},
    {"data_id": "infoseek_val_00000001", "entity_id": "Q42", "entity_text": "Tower"},
]
TYPES = [
    {"data_id": "infoseek_val_00000000", "question_type": "String"},
    {"data_id": "infoseek_val_00000001", "question_type": "Numerical"},
]
WIKI = [
    {"wikidata_id": f"Q{number}", "wikipedia_title": f"Title {number}", "wikipedia_content": f"Text {number}."}
    for number in (7, 8, 178185, 9, 42)
]


def put(folder: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    write_jsonl(folder / "infoseek_val.jsonl", rows)
    write_jsonl(folder / "infoseek_val_withkb.jsonl", ENTITIES)
    picture(folder / "pictures/oven_04990048.jpg")
    picture(folder / "pictures/01/oven_01963180.jpg").rename(folder / "pictures/01/oven_01963180.JPEG")
    return folder


def test_every_field(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "infoseek_val_qtype.jsonl", TYPES)
    dataset = read(put(tmp_path))
    first, second = dataset.samples
    assert (first.id, first.text) == ("infoseek_val_00000000", "Which place is this animal endemic to?")
    assert first.images == (str(tmp_path / "pictures/oven_04990048.jpg"),)
    assert second.images == (str(tmp_path / "pictures/01/oven_01963180.JPEG"),)
    assert first.answers == ("cn", "People's Republic of China", "PRC")
    assert second.answers == ("1.0",)  # a range is no text to compare with
    assert (first.relevant, first.facts) == ({"Q178185": 1.0}, (Place(document="Q178185"),))
    assert first.group == "oven_04990048"
    assert second.slices == {"data_split": "val_unseen_entity", "question_type": "Numerical"}
    assert dataset.documents == ()


def test_without_types_and_entities(tmp_path: Path) -> None:
    first = read(put(tmp_path), kb="no").samples[0]
    assert (first.relevant, first.facts) == ({}, ())
    assert first.slices == {"data_split": "val_unseen_question"}


@pytest.mark.parametrize(
    ("distractors", "names"), [(0, "Q178185 Q42"), (1, "Q7 Q178185 Q42"), (-1, "Q7 Q8 Q178185 Q9 Q42")]
)
def test_articles(tmp_path: Path, distractors: int, names: str) -> None:
    write_jsonl(tmp_path / "wiki.jsonl", WIKI)
    dataset = read(put(tmp_path), wiki="wiki.jsonl", distractors=distractors)
    assert [document.id for document in dataset.documents] == names.split()
    assert dataset.documents[-1] == Document(id="Q42", text="Text 42.", title="Title 42")


def test_an_entity_that_the_articles_do_not_hold_stays_relevant(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "wiki.jsonl", WIKI[-1:])
    dataset = read(put(tmp_path), wiki="wiki.jsonl")
    assert [document.id for document in dataset.documents] == ["Q42"]
    assert dataset.samples[0].relevant == {"Q178185": 1.0}


def test_the_hidden_splits(tmp_path: Path) -> None:
    picture(tmp_path / "pictures/oven_1.jpg")
    write_jsonl(tmp_path / "infoseek_test.jsonl", [{"data_id": "t", "image_id": "oven_1", "question": "Q?"}])
    (sample,) = read(tmp_path, split="test").samples
    assert (sample.answers, sample.relevant) == ((), {})


def test_missing_pictures(tmp_path: Path) -> None:
    (put(tmp_path) / "pictures/oven_04990048.jpg").unlink()
    with pytest.raises(CallerError, match=r"infoseek_val\.jsonl, line 1: no file '.*pictures/oven_04990048\.jpg'"):
        read(tmp_path)
    assert [sample.id for sample in read(tmp_path, missing="drop").samples] == ["infoseek_val_00000001"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer_eval": "China"}, None),
        ({"answer_eval": 3}, r"infoseek_val\.jsonl, line 1: field 'answer_eval' must be list of str or of a range"),
        ({"answer_eval": ["a", 1]}, r"line 1: field 'answer_eval' must be list of str or of a range, found \['a', 1\]"),
        ({"answer_eval": None, "answer": [1]}, r"line 1: field 'answer' must be list of str, found \[1\]"),
        ({"image_id": None}, r"line 1: field 'image_id' is missing"),
        ({"data_id": "x"}, r"line 1: data_id 'x' has no entity in the _withkb file"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str | None) -> None:
    put(tmp_path, [{**ROWS[0], **changes}])
    if message is None:
        assert read(tmp_path).samples[0].answers == ("China",)
        return
    with pytest.raises(CallerError, match=message):
        read(tmp_path)


def test_missing_files_and_unknown_options(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option kb='maybe' is unknown; choices: no, yes"):
        read(tmp_path, kb="maybe")
    with pytest.raises(CallerError, match=r"no file '.*infoseek_train_withkb\.jsonl'"):
        read(tmp_path, split="train")
    with pytest.raises(CallerError, match=r"no file '.*absent\.jsonl'"):
        read(put(tmp_path), wiki="absent.jsonl")
    with pytest.raises(CallerError, match=r"infoseek: no sample that can be used .*infoseek_val.jsonl"):
        read(put(tmp_path, []))
