"""NegBench, on small files in its format."""

import csv
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import negbench
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw

CHOICE = {
    "image_path": "data/coco/images/val2017/000000397133.jpg",
    "caption_0": "This image shows a man, but no dog.",
    "caption_1": "This image shows a dog, but no man.",
    "caption_2": "This image shows a dog.",
    "caption_3": "There is no man in this image.",
    "correct_answer": 0,
    "correct_answer_template": "hybrid",
}
SEARCH = {
    "positive_objects": "['man']",
    "negative_objects": "['dog']",
    "filepath": "val2017/000000397133.jpg",
    "image_id": 397133,
    "captions": "['A man\\'s kitchen, no dog.', \"A cook, but there isn't a dog\"]",
}
OTHER = SEARCH | {"filepath": "val2017/000000037777.jpg", "captions": "['Fruit on a table.']"}
SEARCH_FILE = "COCO_val_negated_retrieval_llama3.1_rephrased_affneg_true.csv"


def table(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def fill(folder: Path, *rows: dict[str, Any], name: str = "COCO_val_mcq_llama3.1_rephrased.csv") -> None:
    table(folder / "images" / name, *rows)
    draw(folder / "val2017", "000000397133.jpg", "000000037777.jpg")


def test_one_caption_of_four_is_true(tmp_path: Path) -> None:
    fill(tmp_path, CHOICE, CHOICE | {"correct_answer": "3.0", "correct_answer_template": "negative"})
    dataset = negbench.read(tmp_path, strip="data/coco/images/")
    assert dataset.samples[0] == Sample(
        id="coco_mcq-0",
        images=(str(tmp_path / "val2017" / "000000397133.jpg"),),
        options=tuple(str(CHOICE[f"caption_{number}"]) for number in range(4)),
        choice=0,
        group="val2017/000000397133.jpg",
        slices={"template": "hybrid"},
    )
    assert dataset.samples[1].choice == 3
    assert dataset.samples[1].slices == {"template": "negative"}


def test_each_caption_searches_its_own_picture(tmp_path: Path) -> None:
    fill(tmp_path, SEARCH, OTHER, name=SEARCH_FILE)
    dataset = negbench.read(tmp_path, part="coco_negated_retrieval")
    key = "val2017/000000397133.jpg"
    assert dataset.documents == (
        Document(id=key, image=str(tmp_path / key)),
        Document(id="val2017/000000037777.jpg", image=str(tmp_path / "val2017" / "000000037777.jpg")),
    )
    assert dataset.samples[:2] == (
        Sample(id=f"{key}#0", text="A man's kitchen, no dog.", relevant={key: 1.0}, group=key),
        Sample(id=f"{key}#1", text="A cook, but there isn't a dog", relevant={key: 1.0}, group=key),
    )
    assert len(dataset.samples) == 3


def test_pictures_search_their_captions(tmp_path: Path) -> None:
    table(tmp_path / SEARCH_FILE, SEARCH, OTHER)
    draw(tmp_path / "val2017", "000000397133.jpg", "000000037777.jpg")
    dataset = negbench.read(tmp_path, part="coco_negated_retrieval", direction="image_to_text")
    key = "val2017/000000397133.jpg"
    assert [document.text for document in dataset.documents] == [
        "A man's kitchen, no dog.",
        "A cook, but there isn't a dog",
        "Fruit on a table.",
    ]
    assert dataset.samples[0].relevant == {f"{key}#0": 1.0, f"{key}#1": 1.0}


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, SEARCH, OTHER, name=SEARCH_FILE)
    (tmp_path / "val2017" / "000000397133.jpg").unlink()
    with pytest.raises(CallerError, match=r"affneg_true\.csv, line 2: no file .*397133\.jpg"):
        negbench.read(tmp_path, part="coco_negated_retrieval")
    kept = negbench.read(tmp_path, part="coco_negated_retrieval", missing="drop")
    assert [sample.text for sample in kept.samples] == ["Fruit on a table."]
    fill(tmp_path, CHOICE)
    (tmp_path / "val2017" / "000000397133.jpg").unlink()
    with pytest.raises(CallerError, match="negbench: no sample that can be used"):
        negbench.read(tmp_path, strip="data/coco/images/", missing="drop")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correct_answer": "one"}, r"rephrased\.csv, line 2: field 'correct_answer' must be int, found 'one'"),
        ({"correct_answer": 4}, r"line 2: field 'correct_answer' must be an index from 0 to 3, found 4"),
        ({"image_path": "/data/x.jpg"}, r"line 2: '/data/x\.jpg' is not a file inside"),
        ({"image_path": "val2017/../../x.jpg"}, r"line 2: 'val2017/\.\./\.\./x\.jpg' is not a file inside"),
    ],
)
def test_a_bad_choice_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, {**CHOICE, "image_path": "val2017/000000397133.jpg"} | changes)
    with pytest.raises(CallerError, match=message):
        negbench.read(tmp_path)


@pytest.mark.parametrize("cell", ["no list", "['a', 3]", "__import__('os')", "('a',)", "['a'"])
def test_a_cell_that_is_no_list_names_its_place(tmp_path: Path, cell: str) -> None:
    fill(tmp_path, SEARCH | {"captions": cell}, name=SEARCH_FILE)
    with pytest.raises(CallerError, match=r"line 2: field 'captions' must be list of str, found "):
        negbench.read(tmp_path, part="coco_negated_retrieval")


def test_what_is_stripped_must_be_there(tmp_path: Path) -> None:
    fill(tmp_path, CHOICE)
    with pytest.raises(
        CallerError, match=r"line 2: field 'image_path' does not begin with strip='/home/', found 'data"
    ):
        negbench.read(tmp_path, strip="/home/")


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    row = {key: value for key, value in CHOICE.items() if key != "caption_3"}
    fill(tmp_path, row | {"image_path": "val2017/000000397133.jpg"})
    with pytest.raises(CallerError, match=r"line 2: field 'caption_3' is missing \(fields there: caption_0, caption_1"):
        negbench.read(tmp_path)


@pytest.mark.parametrize("option", ["part", "direction", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, CHOICE)
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        negbench.read(tmp_path, **{option: "x"})


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*VOC2007_mcq_llama3\.1_rephrased\.csv"):
        negbench.read(tmp_path, part="voc_mcq")
    (tmp_path / negbench.PARTS["voc_mcq"]).write_text("image_path,caption_0\n")
    with pytest.raises(CallerError, match="negbench: no sample that can be used"):
        negbench.read(tmp_path, part="voc_mcq")
