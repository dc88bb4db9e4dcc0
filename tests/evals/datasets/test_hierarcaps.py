"""HierarCaps, on a small file in its format."""

from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import hierarcaps
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw

URL = "http://images.cocodataset.org/val2014/"
HEAD = "id,captions,image_url\n"
FIRST = f'0,"bird => blue bird => blue bird, sitting => A blue bird, sitting on a branch.",{URL}a.jpg\n'
SECOND = f"1,bird => gull => gull in flight => A gull flies over the sea.,{URL}b.jpg\n"


def fill(folder: Path, body: str) -> None:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "hierarcaps_test.csv").write_text(HEAD + body)
    draw(folder / "val2014", "a.jpg", "b.jpg")


def test_four_texts_are_right_and_shared_ones_are_one(tmp_path: Path) -> None:
    fill(tmp_path, FIRST + SECOND)
    dataset = hierarcaps.read(tmp_path)
    assert [document.text for document in dataset.documents] == [
        "bird",
        "blue bird",
        "blue bird, sitting",
        "A blue bird, sitting on a branch.",
        "gull",
        "gull in flight",
        "A gull flies over the sea.",
    ]
    assert dataset.samples == (
        Sample(
            id="0",
            images=(str(tmp_path / "val2014" / "a.jpg"),),
            relevant={"text-0": 1.0, "text-1": 1.0, "text-2": 1.0, "text-3": 1.0},
            group="0",
        ),
        Sample(
            id="1",
            images=(str(tmp_path / "val2014" / "b.jpg"),),
            relevant={"text-0": 1.0, "text-4": 1.0, "text-5": 1.0, "text-6": 1.0},
            group="1",
        ),
    )


def test_every_picture_of_a_text_is_right(tmp_path: Path) -> None:
    fill(tmp_path, FIRST + SECOND)
    dataset = hierarcaps.read(tmp_path, direction="text_to_image")
    assert dataset.documents == tuple(
        Document(id=key, image=str(tmp_path / "val2014" / name)) for key, name in (("0", "a.jpg"), ("1", "b.jpg"))
    )
    assert dataset.samples[0] == Sample(
        id="text-0", text="bird", relevant={"0": 1.0, "1": 1.0}, group="0", slices={"level": "1"}
    )
    assert [sample.slices["level"] for sample in dataset.samples] == ["1", "2", "3", "4", "2", "3", "4"]
    assert dataset.samples[6].relevant == {"1": 1.0}


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, FIRST + SECOND)
    (tmp_path / "val2014" / "a.jpg").unlink()
    with pytest.raises(CallerError, match=r"hierarcaps_test\.csv, line 2: no file .*a\.jpg"):
        hierarcaps.read(tmp_path)
    kept = hierarcaps.read(tmp_path, missing="drop")
    assert [sample.id for sample in kept.samples] == ["1"]
    assert len(kept.documents) == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"0,a => b => c,{URL}a.jpg\n", r"line 2: field 'captions' must be 4 texts with '=>' between, found 'a => b"),
        (f"0,a => => c => d,{URL}a.jpg\n", r"line 2: field 'captions' must be 4 texts"),
        (f",a => b => c => d,{URL}a.jpg\n", r"line 2: field 'id' must be an id, found ''"),
        (f"0,a => b => c => d,{URL}..\n", r"line 2: '\.\.' is not a file inside"),
        ("0,a => b => c => d\n", r"line 2: 3 cells are expected"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, row: str, message: str) -> None:
    fill(tmp_path, row)
    with pytest.raises(CallerError, match=message):
        hierarcaps.read(tmp_path)


def test_unknown_options_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option direction='x' is unknown; choices: image_to_text, text_to_image"):
        hierarcaps.read(tmp_path, direction="x")
    with pytest.raises(CallerError, match=r"no file .*hierarcaps_test\.csv"):
        hierarcaps.read(tmp_path)
    fill(tmp_path, "")
    with pytest.raises(CallerError, match="hierarcaps: no sample that can be used"):
        hierarcaps.read(tmp_path)
