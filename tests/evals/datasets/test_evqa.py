from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.evqa import read
from foveate.evals.samples import Document, Place
from tests.evals.published import picture, write_csv, write_json

HERON, TOWER, CITY = (f"https://en.wikipedia.org/wiki/{name}" for name in ("Grey_heron", "Tower", "City"))
FIRST: dict[str, Any] = {
    "question": "How tall does this bird get?",
    "answer": "1 metre|100 cm",
    "dataset_image_ids": "2701|2702",
    "dataset_name": "inaturalist",
    "dataset_category_id": "4",
    "question_type": "templated",
    "wikipedia_url": HERON,
    "wikipedia_title": "Grey heron",
    "evidence": "It is 1 m tall.",
    "evidence_section_id": "1",
    "evidence_section_title": "Description",
    "encyclopedic_vqa_split": "test",
    "question_original": "How tall does a grey heron get?",
    "wikipedia_url_used_in_train": "False",
}
SECOND = {
    **FIRST,
    "question": "Which rivers flow through the city of this tower?",
    "answer": "Elbe && Alster",
    "dataset_image_ids": "abc0123456789def",
    "dataset_name": "landmarks",
    "question_type": "2_hop",
    "wikipedia_url": f"{TOWER}|{CITY}",
    "evidence_section_id": "0|2",
}
KB = {
    HERON: {
        "title": "Grey heron",
        "section_titles": ["Grey heron", "Description"],
        "section_texts": ["A bird.", "It is 1 m tall."],
        "url": HERON,
    }
}


def put(folder: Path, *rows: dict[str, Any]) -> Path:
    write_csv(folder / "test.csv", rows, names=list(FIRST))
    images = [{"id": number, "file_name": f"val/04_Ardea/{number}.jpg"} for number in (2701, 2702)]
    write_json(folder / "inaturalist/val.json", {"images": images, "annotations": []})
    for number in (2701, 2702):
        picture(folder / f"inaturalist/val/04_Ardea/{number}.jpg")
    picture(folder / "landmarks/a/b/c/abc0123456789def.jpg")
    return folder


def test_every_field(tmp_path: Path) -> None:
    one, two, three = read(put(tmp_path, FIRST, SECOND)).samples
    assert (one.id, two.id, three.id) == ("0/2701", "0/2702", "1/abc0123456789def")
    assert one.text == two.text == "How tall does this bird get?"
    assert one.images == (str(tmp_path / "inaturalist/val/04_Ardea/2701.jpg"),)
    assert three.images == (str(tmp_path / "landmarks/a/b/c/abc0123456789def.jpg"),)
    assert one.answers == ("1 metre", "100 cm")
    assert three.answers == ("Elbe && Alster",)
    assert one.relevant == {f"{HERON}#1": 1.0}
    assert three.facts == (Place(document=f"{TOWER}#0"), Place(document=f"{CITY}#2"))
    assert one.group == "inaturalist/2701"
    assert one.slices == {"question_type": "templated", "seen": "False", "source": "inaturalist"}


def test_one_picture_a_question(tmp_path: Path) -> None:
    assert [sample.id for sample in read(put(tmp_path, FIRST), images="first").samples] == ["0/2701"]


def test_sections_of_the_knowledge_base(tmp_path: Path) -> None:
    write_json(tmp_path / "kb.json", KB)
    dataset = read(put(tmp_path, FIRST), kb="kb.json")
    assert dataset.documents == (
        Document(id=f"{HERON}#0", text="A bird.", title="Grey heron", group=HERON),
        Document(id=f"{HERON}#1", text="It is 1 m tall.", title="Grey heron - Description", group=HERON),
    )


def test_a_section_that_the_knowledge_base_does_not_hold_stays_relevant(tmp_path: Path) -> None:
    write_json(tmp_path / "kb.json", KB)
    third = read(put(tmp_path, FIRST, SECOND), kb="kb.json").samples[2]
    assert third.relevant == {f"{TOWER}#0": 1.0, f"{CITY}#2": 1.0}


def test_missing_pictures(tmp_path: Path) -> None:
    (put(tmp_path, FIRST) / "inaturalist/val/04_Ardea/2702.jpg").unlink()
    with pytest.raises(CallerError, match=r"test\.csv, line 2: no file '.*2702\.jpg'"):
        read(tmp_path)
    assert [sample.id for sample in read(tmp_path, missing="drop").samples] == ["0/2701"]
    assert len(read(tmp_path, missing="keep").samples) == 2


def test_without_the_list_of_names_a_picture_is_missing(tmp_path: Path) -> None:
    (put(tmp_path, FIRST) / "inaturalist/val.json").unlink()
    with pytest.raises(CallerError, match=r"no file '.*inaturalist/2701\.jpg'"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset_name": "coco"}, r"line 3: field 'dataset_name' must be inaturalist or landmarks, found 'coco'"),
        ({"evidence_section_id": "one"}, r"line 3: field 'evidence_section_id' must be 1 numbers, found 'one'"),
        ({"evidence_section_id": "1|2"}, r"line 3: field 'evidence_section_id' must be 1 numbers, found '1\|2'"),
        ({"dataset_image_ids": "../../../x"}, "is not a file inside"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, SECOND, {**FIRST, **changes}))


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*/test\.csv'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option images='one' is unknown; choices: all, first"):
        read(tmp_path, images="one")
    with pytest.raises(CallerError, match=r"evqa: no sample that can be used .*test.csv"):
        read(put(tmp_path))
    write_json(tmp_path / "kb.json", {HERON: {"title": "Grey heron", "section_titles": [], "section_texts": [1]}})
    with pytest.raises(CallerError, match=r"kb\.json, entry '.*Grey_heron': field 'section_texts' must be list of str"):
        read(put(tmp_path, FIRST), kb="kb.json")
    with pytest.raises(CallerError, match=r"test\.csv, line 2: 14 cells are expected"):
        (tmp_path / "test.csv").write_text(",".join(FIRST) + "\na,b\n")
        read(tmp_path)
