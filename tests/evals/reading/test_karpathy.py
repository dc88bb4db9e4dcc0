"""Karpathy's splits, apart from the benchmarks that use them."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.reading.captions import Captioned
from foveate.evals.reading.karpathy import pictures
from foveate.evals.reading.media import Media
from tests.evals.published import draw, write_json


def entry(name: str, split: str, **more: Any) -> dict[str, Any]:
    return {"filename": name, "split": split, "sentences": [{"raw": f" {name} . ", "sentid": 7}], **more}


def write(folder: Path, *entries: dict[str, Any]) -> Path:
    return write_json(folder / "dataset.json", {"images": list(entries), "dataset": "toy"})


def test_one_split_with_and_without_folders(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg", "val2014/b.jpg")
    path = write(tmp_path, entry("a.jpg", "test"), entry("c.jpg", "train"), entry("b.jpg", "test", filepath="val2014"))
    assert list(pictures(path, "test", Media(tmp_path))) == [
        Captioned(id="a.jpg", path=str(tmp_path / "a.jpg"), captions=(("7", "a.jpg ."),)),
        Captioned(id="b.jpg", path=str(tmp_path / "val2014/b.jpg"), captions=(("7", "b.jpg ."),)),
    ]


def test_a_missing_picture_stops_or_is_left_out(tmp_path: Path) -> None:
    draw(tmp_path, "a.jpg")
    path = write(tmp_path, entry("a.jpg", "val"), entry("b.jpg", "val"))
    with pytest.raises(CallerError, match=r"dataset\.json, entry 1: no file .*b\.jpg"):
        list(pictures(path, "val", Media(tmp_path)))
    assert [item.id for item in pictures(path, "val", Media(tmp_path, "drop"))] == ["a.jpg"]
    assert [item.id for item in pictures(path, "val", Media(tmp_path, "keep"))] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": 1}, "entry 0: field 'split' must be str"),
        ({"filepath": ".."}, "entry 0: '../a.jpg' is not a file inside"),
        ({"sentences": [{"raw": "x"}]}, r"entry 0, field 'sentences'\[0\]: field 'sentid' is missing"),
    ],
)
def test_a_wrong_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    draw(tmp_path, "a.jpg")
    path = write(tmp_path, entry("a.jpg", "test") | changes)
    with pytest.raises(CallerError, match=message):
        list(pictures(path, "test", Media(tmp_path)))
