"""ARO, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from foveate.errors import CallerError, MediaError, ServiceError
from foveate.evals.datasets import aro
from foveate.evals.samples import Sample
from tests.evals.published import draw, write_json

RELATION = {
    "image_id": "2372979",
    "image_path": "2372979.jpg",
    "bbox_x": 3,
    "bbox_y": 1,
    "bbox_w": 4,
    "bbox_h": 5,
    "relation_name": "on",
    "true_caption": "the horse is on the grass",
    "false_caption": "the grass is on the horse",
}
ATTRIBUTION = {key: value for key, value in RELATION.items() if key != "relation_name"} | {
    "attributes": ["crouched", "open"],
    "true_caption": "the crouched cat and the open door",
    "false_caption": "the open cat and the crouched door",
}


def fill(folder: Path, *rows: Any, part: str = "relation") -> None:
    write_json(folder / f"visual_genome_{part}.json", rows)
    draw(folder / "images", "2372979.jpg", size=(10, 10))


def test_the_false_caption_stands_first_as_in_the_authors_code(tmp_path: Path) -> None:
    fill(tmp_path, RELATION, RELATION | {"relation_name": "under"})
    dataset = aro.read(tmp_path)
    assert dataset.samples[0] == Sample(
        id="relation-0",
        images=(str(tmp_path / "images" / "2372979.jpg"),),
        options=("the grass is on the horse", "the horse is on the grass"),
        choice=1,
        group="2372979.jpg",
        slices={"part": "relation", "kind": "on"},
    )
    assert dataset.samples[1].slices["kind"] == "under"
    assert dataset.source.endswith("relation, whole pictures, published figures are on boxes")


def test_attributes_are_a_pair(tmp_path: Path) -> None:
    fill(tmp_path, ATTRIBUTION, part="attribution")
    (sample,) = aro.read(tmp_path, part="attribution").samples
    assert sample.id == "attribution-0" and sample.choice == 1
    assert sample.slices == {"part": "attribution", "kind": "crouched_open"}
    assert sample.options[1] == "the crouched cat and the open door"


def test_a_box_is_cut_once_and_is_the_authors_box(tmp_path: Path) -> None:
    fill(tmp_path, RELATION)
    whole = Image.new("RGB", (10, 10), "black")
    whole.paste((255, 0, 0), (3, 1, 7, 6))
    (tmp_path / "images" / "2372979.jpg").unlink()
    whole.save(tmp_path / "images" / "2372979.jpg", format="PNG")
    (sample,) = aro.read(tmp_path, crop="cut").samples
    path = tmp_path / "crops" / "relation" / "2372979.jpg-3-1-7-6.png"
    assert sample.images == (str(path),)
    with Image.open(path) as part:
        assert part.size == (4, 5)
        assert part.getcolors() == [(20, (255, 0, 0))]
    path.write_bytes(b"kept")
    aro.read(tmp_path, crop="cut")
    assert path.read_bytes() == b"kept"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_picture_that_is_none_cannot_be_cut(tmp_path: Path) -> None:
    fill(tmp_path, RELATION)
    (tmp_path / "images" / "2372979.jpg").write_bytes(b"no picture")
    with pytest.raises(MediaError, match=r"2372979\.jpg' cannot be read"):
        aro.read(tmp_path, crop="cut")
    (tmp_path / "images" / "2372979.jpg").unlink()
    assert aro.read(tmp_path, missing="keep").samples[0].images == (str(tmp_path / "images" / "2372979.jpg"),)
    with pytest.raises(MediaError, match=r"2372979\.jpg' cannot be read"):
        aro.read(tmp_path, crop="cut", missing="keep")


def test_crops_need_a_place(tmp_path: Path) -> None:
    fill(tmp_path, RELATION)
    (tmp_path / "crops").write_text("a file")
    with pytest.raises(ServiceError, match="cannot be written"):
        aro.read(tmp_path, crop="cut")


@pytest.mark.parametrize(
    ("part", "image"), [("coco_order", "val2014/c.jpg"), ("flickr30k_order", "flickr30k-images/c.jpg")]
)
def test_order_has_the_true_caption_first(tmp_path: Path, part: str, image: str) -> None:
    options = ["a dog runs", "runs a dog", "dog a runs", "runs dog a", "a runs dog"]
    write_json(tmp_path / f"{part}.json", [{"image": image, "caption_options": options}])
    draw(tmp_path, image)
    assert aro.read(tmp_path, part=part).samples == (
        Sample(
            id=f"{part}-0",
            images=(str(tmp_path / image),),
            options=tuple(options),
            choice=0,
            group=image,
            slices={"part": part},
        ),
    )
    write_json(tmp_path / f"{part}.json", [{"image": image, "caption_options": options[:1]}])
    with pytest.raises(CallerError, match=r"entry 0: field 'caption_options' must be a list of two str or more"):
        aro.read(tmp_path, part=part)


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, RELATION | {"image_path": "1.jpg"}, RELATION)
    with pytest.raises(CallerError, match=r"visual_genome_relation\.json, entry 0: no file .*1\.jpg"):
        aro.read(tmp_path)
    assert [sample.id for sample in aro.read(tmp_path, missing="drop").samples] == ["relation-1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"true_caption": 1}, r"visual_genome_relation\.json, entry 0: field 'true_caption' must be str, found 1"),
        ({"relation_name": None}, r"entry 0: field 'relation_name' is missing"),
        ({"image_path": "../x.jpg"}, r"entry 0: '\.\./x\.jpg' is not a file inside"),
        ({"bbox_w": "4"}, r"entry 0: field 'bbox_w' must be float, found '4'"),
        ({"bbox_h": 0}, r"entry 0: a box of 4 x 0 pixels holds nothing"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, RELATION | changes)
    with pytest.raises(CallerError, match=message):
        aro.read(tmp_path, crop="cut")


@pytest.mark.parametrize("option", ["part", "crop", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, RELATION)
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        aro.read(tmp_path, **{option: "x"})


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*visual_genome_relation\.json"):
        aro.read(tmp_path)
    fill(tmp_path)
    with pytest.raises(CallerError, match="aro: no sample that can be used"):
        aro.read(tmp_path)
