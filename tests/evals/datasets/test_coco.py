"""MS-COCO captions, on small files in both published forms."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import coco
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_json

NAME = "COCO_val2014_000000391895.jpg"
IMAGES = [{"id": 391895, "file_name": NAME, "width": 4, "height": 4, "license": 3}, {"id": 5, "file_name": "5.jpg"}]
CAPTIONS = [
    {"image_id": 391895, "id": 770337, "caption": "A man with a red helmet. "},
    {"image_id": 5, "id": 1, "caption": "A dog."},
    {"image_id": 391895, "id": 771687, "caption": "Man riding a motor bike."},
]


def fill(folder: Path, images: Any = IMAGES, captions: Any = CAPTIONS, year: str = "2014") -> None:
    write_json(
        folder / "annotations" / f"captions_val{year}.json", {"images": images, "annotations": captions, "info": {}}
    )
    draw(folder / f"val{year}", NAME, "5.jpg")


def karpathy(folder: Path, **changes: Any) -> None:
    sentences = [{"raw": f"c{number}", "tokens": [], "sentid": number} for number in range(6)]
    row = {"filepath": "val2014", "filename": NAME, "split": "test", "cocoid": 391895, "sentences": sentences}
    write_json(folder / "dataset_coco.json", {"dataset": "coco", "images": [row | changes]})
    draw(folder / "val2014", NAME)


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_official_captions_search_their_pictures(tmp_path: Path, year: str) -> None:
    fill(tmp_path, year=year)
    dataset = coco.read(tmp_path, form="official", split="val", year=int(year))
    assert dataset.samples == (
        Sample(id="770337", text="A man with a red helmet.", relevant={"391895": 1.0}, group="391895"),
        Sample(id="771687", text="Man riding a motor bike.", relevant={"391895": 1.0}, group="391895"),
        Sample(id="1", text="A dog.", relevant={"5": 1.0}, group="5"),
    )
    assert dataset.documents == (
        Document(id="391895", image=str(tmp_path / f"val{year}" / NAME)),
        Document(id="5", image=str(tmp_path / f"val{year}" / "5.jpg")),
    )
    assert dataset.source.endswith(f"official, split val{year}, text_to_image")


def test_official_captions_are_references(tmp_path: Path) -> None:
    fill(tmp_path)
    dataset = coco.read(tmp_path, form="official", split="val", direction="caption")
    assert dataset.samples[0] == Sample(
        id="391895",
        images=(str(tmp_path / "val2014" / NAME),),
        answers=("A man with a red helmet.", "Man riding a motor bike."),
        group="391895",
    )


def test_karpathys_pictures_lie_in_their_year(tmp_path: Path) -> None:
    karpathy(tmp_path)
    dataset = coco.read(tmp_path)
    assert dataset.documents == (Document(id=NAME, image=str(tmp_path / "val2014" / NAME)),)
    # A sixth caption does not count in a search, as in published figures.
    assert [sample.text for sample in dataset.samples] == ["c0", "c1", "c2", "c3", "c4"]
    assert len(coco.read(tmp_path, direction="caption").samples[0].answers) == 6


@pytest.mark.parametrize("form", ["karpathy", "official"])
def test_missing_pictures_raise_or_are_left_out(tmp_path: Path, form: str) -> None:
    fill(tmp_path)
    karpathy(tmp_path)
    (tmp_path / "val2014" / NAME).unlink()
    split = "test" if form == "karpathy" else "val"
    with pytest.raises(CallerError, match=r"\.json, entry 0: no file .*391895\.jpg"):
        coco.read(tmp_path, form=form, split=split)
    if form == "official":
        kept = coco.read(tmp_path, form=form, split=split, missing="drop")
        assert [sample.id for sample in kept.samples] == ["1"]
    else:
        with pytest.raises(CallerError, match="coco: no sample that can be used"):
            coco.read(tmp_path, form=form, split=split, missing="drop")
    first = coco.read(tmp_path, form=form, split=split, missing="keep").documents[0]
    assert first.image == str(tmp_path / "val2014" / NAME)


@pytest.mark.parametrize(
    ("images", "captions", "message"),
    [
        (IMAGES, [{"image_id": 6, "id": 1, "caption": "x"}], r"entry 0: field 'image_id' names '6'"),
        (
            IMAGES,
            [{"image_id": 5, "id": 1, "caption": 3}],
            r"captions_val2014\.json, entry 0: field 'caption' must be str",
        ),
        ([{"id": 5.5, "file_name": "5.jpg"}], [], r"entry 0: field 'id' must be str, found 5\.5"),
        ([{"id": 5, "file_name": "/5.jpg"}], [], r"entry 0: '/5\.jpg' is not a file inside"),
        (7, [], r"captions_val2014\.json: a JSON list is expected, found int"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, images: Any, captions: Any, message: str) -> None:
    fill(tmp_path, images, captions)
    with pytest.raises(CallerError, match=message):
        coco.read(tmp_path, form="official", split="val")


def test_a_path_of_karpathy_stays_inside(tmp_path: Path) -> None:
    karpathy(tmp_path, filepath="../../val2014")
    with pytest.raises(CallerError, match=r"dataset_coco\.json, entry 0: '\.\./\.\./val2014/.*' is not a file inside"):
        coco.read(tmp_path)


@pytest.mark.parametrize("option", ["form", "split", "year", "direction", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    karpathy(tmp_path)
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        coco.read(tmp_path, **{option: "x"})


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*dataset_coco\.json"):
        coco.read(tmp_path)
    with pytest.raises(CallerError, match=r"no file .*captions_train2017\.json"):
        coco.read(tmp_path, form="official", split="train", year="2017")
    karpathy(tmp_path)
    with pytest.raises(CallerError, match="coco: no sample that can be used"):
        coco.read(tmp_path, split="restval")
