"""Winoground, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import winoground
from foveate.evals.samples import Sample
from tests.evals.published import draw, write_jsonl

ROW = {
    "id": 0,
    "image_0": "ex_0_img_0",
    "image_1": "ex_0_img_1",
    "caption_0": "an old person kisses a young person",
    "caption_1": "a young person kisses an old person",
    "tag": "Adjective-Age",
    "secondary_tag": "",
    "num_main_preds": 1,
    "collapsed_tag": "Object",
}
OTHER = ROW | {"id": 1, "image_0": "ex_1_img_0", "image_1": "ex_1_img_1", "secondary_tag": "Morpheme-Level"}


def fill(folder: Path, *rows: Any) -> None:
    write_jsonl(folder / "data" / "examples.jsonl", rows)
    draw(folder / "data" / "images", *(f"ex_{row}_img_{side}.png" for row in (0, 1) for side in (0, 1)))


def test_each_caption_belongs_to_its_picture(tmp_path: Path) -> None:
    fill(tmp_path, ROW, OTHER)
    images = tmp_path / "data" / "images"
    first, second = winoground.read(tmp_path).samples
    assert first == Sample(
        id="0",
        image_options=(str(images / "ex_0_img_0.png"), str(images / "ex_0_img_1.png")),
        options=("an old person kisses a young person", "a young person kisses an old person"),
        pairs=((0, 0), (1, 1)),
        group="ex_0_img_0",
        slices={"tag": "Adjective-Age", "collapsed_tag": "Object", "main_predicates": "1"},
    )
    assert second.slices["secondary_tag"] == "Morpheme-Level"
    assert second.image_options[1].endswith("ex_1_img_1.png")


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, ROW, OTHER)
    (tmp_path / "data" / "images" / "ex_0_img_1.png").unlink()
    with pytest.raises(CallerError, match=r"examples\.jsonl, line 1: no file .*ex_0_img_1\.png"):
        winoground.read(tmp_path)
    assert [sample.id for sample in winoground.read(tmp_path, missing="drop").samples] == ["1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"caption_1": 2}, r"examples\.jsonl, line 1: field 'caption_1' must be str, found 2"),
        ({"tag": ["x"]}, r"line 1: field 'tag' must be str or number, found \['x'\]"),
        ({"image_0": "/etc/x"}, r"line 1: '/etc/x\.png' is not a file inside"),
        ({"id": None}, r"line 1: field 'id' is missing"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, ROW | changes)
    with pytest.raises(CallerError, match=message):
        winoground.read(tmp_path)


def test_unknown_options_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="missing='x' is unknown; choices: drop, keep, raise"):
        winoground.read(tmp_path, missing="x")
    with pytest.raises(CallerError, match=r"no file .*examples\.jsonl"):
        winoground.read(tmp_path)
    fill(tmp_path)
    with pytest.raises(CallerError, match="winoground: no sample that can be used"):
        winoground.read(tmp_path)
