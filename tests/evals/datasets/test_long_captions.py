"""Long captions: Urban1k, DOCCI and a folder of one's own."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import long_captions
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_jsonl

PARAGRAPH = "A busy street. " * 40


def texts(folder: Path, **captions: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in captions.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def docci(folder: Path, *rows: Any) -> None:
    write_jsonl(folder / "docci_descriptions.jsonlines", rows)
    draw(folder / "images", "test_00000.jpg", "train_00000.jpg")


def row(split: str, **changes: Any) -> dict[str, Any]:
    name = f"{split}_00000"
    return {"example_id": name, "split": split, "image_file": f"{name}.jpg", "description": PARAGRAPH} | changes


def test_urban1k_has_two_folders(tmp_path: Path) -> None:
    texts(tmp_path / "caption", b=PARAGRAPH, a="A quiet lane.\n")
    draw(tmp_path / "image", "a.jpg", "b.jpg", "uncaptioned.jpg")
    dataset = long_captions.read(tmp_path)
    assert dataset.samples == (
        Sample(id="a.jpg#0", text="A quiet lane.", relevant={"a.jpg": 1.0}, group="a.jpg"),
        Sample(id="b.jpg#0", text=PARAGRAPH.strip(), relevant={"b.jpg": 1.0}, group="b.jpg"),
    )
    assert dataset.documents == tuple(
        Document(id=name, image=str(tmp_path / "image" / name)) for name in ("a.jpg", "b.jpg")
    )


def test_docci_keeps_one_split(tmp_path: Path) -> None:
    docci(tmp_path, row("train"), row("test"))
    dataset = long_captions.read(tmp_path, layout="docci", direction="caption")
    assert dataset.samples == (
        Sample(
            id="test_00000.jpg",
            images=(str(tmp_path / "images" / "test_00000.jpg"),),
            answers=(PARAGRAPH,),
            group="test_00000.jpg",
        ),
    )
    train = long_captions.read(tmp_path, layout="docci", split="train", direction="image_to_text")
    assert train.documents == (Document(id="train_00000.jpg#0", text=PARAGRAPH, group="train_00000.jpg"),)


def test_a_folder_of_ones_own_may_hold_other_pictures(tmp_path: Path) -> None:
    texts(tmp_path, a="One.", b="Two.")
    draw(tmp_path, "a.png", "b.webp")
    dataset = long_captions.read(tmp_path, layout="beside")
    assert [document.id for document in dataset.documents] == ["a.png", "b.webp"]


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    texts(tmp_path / "caption", a="One.", b="Two.")
    draw(tmp_path / "image", "b.jpg")
    with pytest.raises(CallerError, match=r"a\.txt: no file .*a\.jpg"):
        long_captions.read(tmp_path)
    assert [sample.text for sample in long_captions.read(tmp_path, missing="drop").samples] == ["Two."]
    docci(tmp_path, row("test", image_file="gone.jpg"))
    with pytest.raises(CallerError, match=r"docci_descriptions\.jsonlines, line 1: no file .*gone\.jpg"):
        long_captions.read(tmp_path, layout="docci")


@pytest.mark.parametrize(("body", "message"), [(b"\xff", r"a\.txt is not UTF-8"), (b" \n", r"a\.txt holds no caption")])
def test_a_caption_that_is_none(tmp_path: Path, body: bytes, message: str) -> None:
    draw(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_bytes(body)
    with pytest.raises(CallerError, match=message):
        long_captions.read(tmp_path, layout="beside")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"description": ["x"]}, r"line 1: field 'description' must be str, found \['x'\]"),
        ({"image_file": "../x.jpg"}, r"line 1: '\.\./x\.jpg' is not a file inside"),
        ({"image_file": None}, r"line 1: field 'image_file' is missing"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    docci(tmp_path, row("test", **changes))
    with pytest.raises(CallerError, match=message):
        long_captions.read(tmp_path, layout="docci")


@pytest.mark.parametrize("option", ["layout", "split", "direction", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    texts(tmp_path / "caption", a="One.")
    draw(tmp_path / "image", "a.jpg")
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        long_captions.read(tmp_path, **{option: "x"})


def test_no_folder_and_no_captions(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no folder .*caption"):
        long_captions.read(tmp_path)
    with pytest.raises(CallerError, match="long_captions: no sample that can be used"):
        long_captions.read(tmp_path, layout="beside")
