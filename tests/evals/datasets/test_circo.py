"""CIRCO, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import circo
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_json

IDS = (85932, 9761, 489535)
QUERY = {
    "reference_img_id": 85932,
    "target_img_id": 9761,
    "relative_caption": "is held by a little girl on a chair",
    "shared_concept": "a teddy bear",
    "gt_img_ids": [9761, 489535],
    "id": 13,
    "semantic_aspects": ["spatial_relations_background", "direct_addressing"],
}


def fill(folder: Path, rows: list[Any], split: str = "val") -> None:
    write_json(folder / "annotations" / f"{split}.json", rows)
    coco = folder / "COCO2017_unlabeled"
    images = [{"id": number, "file_name": f"{number:012d}.jpg", "width": 4, "height": 4} for number in IDS]
    write_json(coco / "annotations" / "image_info_unlabeled2017.json", {"info": {}, "images": images})
    draw(coco / "unlabeled2017", *(f"{number:012d}.jpg" for number in IDS))


def path(folder: Path, number: int) -> str:
    return str(folder / "COCO2017_unlabeled" / "unlabeled2017" / f"{number:012d}.jpg")


def test_all_ground_truths_are_right(tmp_path: Path) -> None:
    fill(tmp_path, [QUERY])
    dataset = circo.read(tmp_path)
    slices = dict.fromkeys(circo.ASPECTS, "no") | {"spatial_relations_background": "yes", "direct_addressing": "yes"}
    assert dataset.samples == (
        Sample(
            id="13",
            text="is held by a little girl on a chair",
            images=(path(tmp_path, 85932),),
            relevant={"9761": 1.0, "489535": 1.0},
            group="85932",
            slices=slices,
        ),
    )
    assert len(slices) == 9
    assert dataset.documents == tuple(Document(id=str(number), image=path(tmp_path, number)) for number in IDS)


def test_the_target_alone_the_concept_and_no_reference(tmp_path: Path) -> None:
    fill(tmp_path, [QUERY])
    (sample,) = circo.read(tmp_path, truth="target", concept="in", reference="out").samples
    assert sample.relevant == {"9761": 1.0}
    assert sample.text == "a teddy bear, is held by a little girl on a chair"
    assert sample.candidates == ("9761", "489535")


def test_the_test_split_has_no_truth(tmp_path: Path) -> None:
    hidden = {key: QUERY[key] for key in ("reference_img_id", "relative_caption", "shared_concept", "id")}
    fill(tmp_path, [hidden], "test")
    (sample,) = circo.read(tmp_path, split="test").samples
    assert sample.relevant == {} and sample.slices == {} and sample.id == "13"


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, [QUERY, QUERY | {"id": 14, "gt_img_ids": [489535]}, QUERY | {"id": 15, "reference_img_id": 489535}])
    Path(path(tmp_path, 489535)).unlink()
    with pytest.raises(CallerError, match=r"image_info_unlabeled2017\.json, entry 2: no file .*489535\.jpg"):
        circo.read(tmp_path)
    kept = circo.read(tmp_path, missing="drop")
    assert [(sample.id, dict(sample.relevant)) for sample in kept.samples] == [("13", {"9761": 1.0})]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relative_caption": None}, r"val\.json, entry 0: field 'relative_caption' is missing"),
        ({"gt_img_ids": ["9761"]}, r"val\.json, entry 0: field 'gt_img_ids' must be list of int, found \['9761'\]"),
        ({"gt_img_ids": [1]}, r"sample '13' names document '1'"),
        ({"reference_img_id": 1}, r"val\.json, entry 0: field 'reference_img_id' names '1'"),
        ({"semantic_aspects": "negation"}, r"field 'semantic_aspects' must be list, found 'negation'"),
        ({"id": True}, r"field 'id' must be str, found True"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, [QUERY | changes])
    with pytest.raises(CallerError, match=message):
        circo.read(tmp_path)


def test_paths_stay_inside_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, [QUERY])
    listing = tmp_path / "COCO2017_unlabeled" / "annotations" / "image_info_unlabeled2017.json"
    write_json(listing, {"images": [{"id": 1, "file_name": "/etc/passwd"}]})
    with pytest.raises(CallerError, match="'/etc/passwd' is not a file inside"):
        circo.read(tmp_path)


@pytest.mark.parametrize("option", ["split", "truth", "concept", "reference", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, [QUERY])
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        circo.read(tmp_path, **{option: "x"})


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no file"):
        circo.read(tmp_path)
    fill(tmp_path, [])
    with pytest.raises(CallerError, match="circo: no sample that can be used"):
        circo.read(tmp_path)
