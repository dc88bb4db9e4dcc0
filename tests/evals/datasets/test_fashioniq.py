"""FashionIQ, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import fashioniq
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_json

ROW = {
    "target": "B0084Y8XIU",
    "candidate": "B005X4PL1G",
    "captions": ["is shiny and silver with shorter sleeves.", " fit and flare?"],
}
PICTURES = ["B0084Y8XIU", "B005X4PL1G"]


def fill(folder: Path, rows: list[Any], category: str = "dress", split: str = "val") -> None:
    write_json(folder / "captions" / f"cap.{category}.{split}.json", rows)
    write_json(folder / "image_splits" / f"split.{category}.{split}.json", PICTURES)
    draw(folder / "images", *(f"{name}.jpg" for name in PICTURES))


def test_two_remarks_are_one_text(tmp_path: Path) -> None:
    fill(tmp_path, [ROW])
    dataset = fashioniq.read(tmp_path, category="dress")
    assert dataset.samples == (
        Sample(
            id="dress-0",
            text="Is shiny and silver with shorter sleeves and fit and flare",
            images=(str(tmp_path / "images" / "B005X4PL1G.jpg"),),
            pool="dress",
            relevant={"dress/B0084Y8XIU": 1.0},
            group="B005X4PL1G",
            slices={"category": "dress"},
        ),
    )
    assert dataset.documents == tuple(
        Document(id=f"dress/{name}", image=str(tmp_path / "images" / f"{name}.jpg"), pool="dress") for name in PICTURES
    )


def test_each_category_has_its_own_gallery(tmp_path: Path) -> None:
    for category in fashioniq.CATEGORIES:
        fill(tmp_path, [ROW, ROW], category)
    dataset = fashioniq.read(tmp_path, reference="out")
    assert [sample.id for sample in dataset.samples] == [
        f"{category}-{number}" for category in ("dress", "shirt", "toptee") for number in (0, 1)
    ]
    assert dataset.samples[2].candidates == ("shirt/B0084Y8XIU",)
    assert {document.pool for document in dataset.documents} == set(fashioniq.CATEGORIES)
    assert len(dataset.documents) == 6


def test_the_test_split_has_no_target(tmp_path: Path) -> None:
    fill(tmp_path, [{"candidate": ROW["candidate"], "captions": ROW["captions"]}], split="test")
    (sample,) = fashioniq.read(tmp_path, category="dress", split="test").samples
    assert sample.relevant == {}


def test_pictures_that_are_gone_from_the_web(tmp_path: Path) -> None:
    other = {"target": "B005X4PL1G", "candidate": "B005X4PL1G", "captions": ["a", "b"]}
    fill(tmp_path, [ROW, other])
    (tmp_path / "images" / "B0084Y8XIU.jpg").unlink()
    with pytest.raises(CallerError, match=r"split\.dress\.val\.json, 'B0084Y8XIU': no file .*B0084Y8XIU\.jpg"):
        fashioniq.read(tmp_path, category="dress")
    kept = fashioniq.read(tmp_path, category="dress", missing="drop")
    assert [sample.id for sample in kept.samples] == ["dress-1"]
    (tmp_path / "images" / "B005X4PL1G.jpg").unlink()
    with pytest.raises(CallerError, match="fashioniq: no sample that can be used"):
        fashioniq.read(tmp_path, category="dress", missing="drop")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"captions": ["one"]}, r"cap\.dress\.val\.json, entry 0: field 'captions' must be a list of two str"),
        ({"captions": ["one", 2]}, r"entry 0: field 'captions' must be list of str, found \['one', 2\]"),
        ({"candidate": 3}, r"entry 0: field 'candidate' must be str, found 3"),
        ({"target": "B1"}, r"sample 'dress-0' names document 'dress/B1'"),
        ({"candidate": "../../x"}, r"entry 0: '\.\./\.\./x\.jpg' is not a file inside"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, [ROW | changes])
    with pytest.raises(CallerError, match=message):
        fashioniq.read(tmp_path, category="dress")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, r"split\.dress\.val\.json: a JSON list is expected, found dict"),
        (["B1", 2], r"split\.dress\.val\.json, entry 1: a str is expected, found 2"),
    ],
)
def test_a_bad_list_of_pictures(tmp_path: Path, body: Any, message: str) -> None:
    fill(tmp_path, [ROW])
    write_json(tmp_path / "image_splits" / "split.dress.val.json", body)
    with pytest.raises(CallerError, match=message):
        fashioniq.read(tmp_path, category="dress")


@pytest.mark.parametrize("option", ["category", "split", "reference", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, [ROW])
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        fashioniq.read(tmp_path, **({"category": "dress"} | {option: "x"}))


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*split\.dress\.val\.json"):
        fashioniq.read(tmp_path)
    fill(tmp_path, [])
    with pytest.raises(CallerError, match="fashioniq: no sample that can be used"):
        fashioniq.read(tmp_path, category="dress")
