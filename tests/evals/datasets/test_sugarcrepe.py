"""SugarCrepe, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import sugarcrepe
from foveate.evals.samples import Sample
from tests.evals.published import draw, write_json

ROWS = {
    "0": {"filename": "000000085329.jpg", "caption": "A drawing.", "negative_caption": "A tattooed drawing."},
    "3": {"filename": "000000562121.jpg", "caption": "Two zebras.", "negative_caption": "Two striped zebras."},
}


def fill(folder: Path, rows: Any = ROWS, category: str = "add_att") -> None:
    write_json(folder / "data" / f"{category}.json", rows)
    draw(folder / "val2017", "000000085329.jpg", "000000562121.jpg")


def test_the_right_caption_stands_first(tmp_path: Path) -> None:
    fill(tmp_path)
    dataset = sugarcrepe.read(tmp_path, category="add_att")
    assert dataset.samples == tuple(
        Sample(
            id=f"add_att-{key}",
            images=(str(tmp_path / "val2017" / row["filename"]),),
            options=(row["caption"], row["negative_caption"]),
            choice=0,
            group=row["filename"],
            slices={"category": "add_att", "change": "add"},
        )
        for key, row in ROWS.items()
    )
    assert dataset.documents == ()


def test_all_seven_categories(tmp_path: Path) -> None:
    for category in sugarcrepe.CATEGORIES:
        fill(tmp_path, category=category)
    samples = sugarcrepe.read(tmp_path).samples
    assert len(samples) == 14
    assert {sample.slices["category"] for sample in samples} == set(sugarcrepe.CATEGORIES)
    assert {sample.slices["change"] for sample in samples} == {"add", "replace", "swap"}


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "val2017" / "000000085329.jpg").unlink()
    with pytest.raises(CallerError, match=r"add_att\.json, entry '0': no file .*85329\.jpg"):
        sugarcrepe.read(tmp_path, category="add_att")
    kept = sugarcrepe.read(tmp_path, category="add_att", missing="drop")
    assert [sample.id for sample in kept.samples] == ["add_att-3"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"negative_caption": 3}, r"add_att\.json, entry '0': field 'negative_caption' must be str, found 3"),
        ({"caption": None}, r"entry '0': field 'caption' is missing"),
        ({"filename": "../x.jpg"}, r"entry '0': '\.\./x\.jpg' is not a file inside"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, {"0": ROWS["0"] | changes})
    with pytest.raises(CallerError, match=message):
        sugarcrepe.read(tmp_path, category="add_att")


def test_unknown_options_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(
        CallerError, match="option category='add' is unknown; choices: add_att, add_obj, all, replace_att"
    ):
        sugarcrepe.read(tmp_path, category="add")
    with pytest.raises(CallerError, match=r"no file .*swap_obj\.json"):
        sugarcrepe.read(tmp_path, category="swap_obj")
    fill(tmp_path, {})
    with pytest.raises(CallerError, match="sugarcrepe: no sample that can be used"):
        sugarcrepe.read(tmp_path, category="add_att")
