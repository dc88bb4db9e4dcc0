"""Flickr30k, on small files in both published forms."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import flickr30k
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_json

TOKEN = (
    '1000092795.jpg#0\t"Two" young guys look at their hands .\n'
    "1000092795.jpg#1\tTwo men in green shirts .\n"
    "10002456.jpg#0\tSeveral men in hard hats .\n"
)


def picture(name: str, split: str, *captions: str, first: int = 0) -> dict[str, Any]:
    sentences = [
        {"raw": text, "tokens": text.lower().split(), "imgid": 0, "sentid": first + number}
        for number, text in enumerate(captions)
    ]
    return {"filename": name, "split": split, "imgid": 0, "sentids": [], "sentences": sentences}


def fill(folder: Path, *pictures: Any) -> None:
    write_json(folder / "dataset_flickr30k.json", {"dataset": "flickr30k", "images": list(pictures)})
    draw(folder / "flickr30k-images", "1000092795.jpg", "10002456.jpg")


def path(folder: Path, name: str) -> str:
    return str(folder / "flickr30k-images" / name)


TWO = (
    picture("1000092795.jpg", "test", "One .", "Two .", first=10),
    picture("x.jpg", "train", "Elsewhere .", first=20),
    picture("10002456.jpg", "test", "Three ", first=30),
)


def test_each_caption_searches_its_picture(tmp_path: Path) -> None:
    fill(tmp_path, *TWO)
    dataset = flickr30k.read(tmp_path)
    assert dataset.samples == (
        Sample(id="10", text="One .", relevant={"1000092795.jpg": 1.0}, group="1000092795.jpg"),
        Sample(id="11", text="Two .", relevant={"1000092795.jpg": 1.0}, group="1000092795.jpg"),
        Sample(id="30", text="Three", relevant={"10002456.jpg": 1.0}, group="10002456.jpg"),
    )
    assert dataset.documents == tuple(
        Document(id=name, image=path(tmp_path, name)) for name in ("1000092795.jpg", "10002456.jpg")
    )


def test_each_picture_searches_its_captions(tmp_path: Path) -> None:
    fill(tmp_path, *TWO)
    dataset = flickr30k.read(tmp_path, direction="image_to_text")
    assert dataset.samples[0] == Sample(
        id="1000092795.jpg",
        images=(path(tmp_path, "1000092795.jpg"),),
        relevant={"10": 1.0, "11": 1.0},
        group="1000092795.jpg",
    )
    assert dataset.documents == (
        Document(id="10", text="One .", group="1000092795.jpg"),
        Document(id="11", text="Two .", group="1000092795.jpg"),
        Document(id="30", text="Three", group="10002456.jpg"),
    )


def test_captions_are_references_whatever_counts_in_a_search(tmp_path: Path) -> None:
    fill(tmp_path, *TWO)
    dataset = flickr30k.read(tmp_path, direction="caption", each=1)
    assert dataset.samples[0] == Sample(
        id="1000092795.jpg",
        images=(path(tmp_path, "1000092795.jpg"),),
        answers=("One .", "Two ."),
        group="1000092795.jpg",
    )
    assert dataset.documents == ()


def test_so_many_captions_count_in_a_search(tmp_path: Path) -> None:
    fill(tmp_path, picture("1000092795.jpg", "test", *(f"c{number}" for number in range(7))))
    assert [sample.text for sample in flickr30k.read(tmp_path).samples] == ["c0", "c1", "c2", "c3", "c4"]
    assert len(flickr30k.read(tmp_path, each=2).samples) == 2
    assert len(flickr30k.read(tmp_path, each=0).samples) == 7
    assert len(flickr30k.read(tmp_path, each=2, direction="image_to_text").documents) == 2
    with pytest.raises(CallerError, match="option each=-1 must be 0 or more"):
        flickr30k.read(tmp_path, each=-1)


def test_the_token_file_keeps_quotation_marks(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "results_20130124.token").write_text(TOKEN)
    dataset = flickr30k.read(tmp_path, form="token", split="all")
    assert [(sample.id, sample.text) for sample in dataset.samples] == [
        ("1000092795.jpg#0", '"Two" young guys look at their hands .'),
        ("1000092795.jpg#1", "Two men in green shirts ."),
        ("10002456.jpg#0", "Several men in hard hats ."),
    ]
    (tmp_path / "test.txt").write_text("10002456\n")
    kept = flickr30k.read(tmp_path, form="token")
    assert [sample.id for sample in kept.samples] == ["10002456.jpg#0"]
    assert [document.id for document in kept.documents] == ["10002456.jpg"]


@pytest.mark.parametrize("line", ["1.jpg\tA caption", "1.jpg#x\tA caption", "1.jpg#0 A caption"])
def test_a_bad_line_names_its_place(tmp_path: Path, line: str) -> None:
    fill(tmp_path)
    (tmp_path / "results_20130124.token").write_text(f"{TOKEN}{line}\n")
    with pytest.raises(CallerError, match=r"results_20130124\.token, line 4: 'PICTURE\.jpg#NUMBER<tab>CAPTION'"):
        flickr30k.read(tmp_path, form="token", split="all")


def test_a_token_file_is_utf8_and_there(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*results_20130124\.token"):
        flickr30k.read(tmp_path, form="token", split="all")
    (tmp_path / "results_20130124.token").write_bytes(b"1.jpg#0\t\xff\n")
    with pytest.raises(CallerError, match=r"results_20130124\.token is not UTF-8"):
        flickr30k.read(tmp_path, form="token", split="all")
    with pytest.raises(CallerError, match=r"no file .*val\.txt"):
        flickr30k.read(tmp_path, form="token", split="val")


@pytest.mark.parametrize("form", ["karpathy", "token"])
def test_missing_pictures_raise_or_are_left_out(tmp_path: Path, form: str) -> None:
    fill(tmp_path, *TWO)
    (tmp_path / "results_20130124.token").write_text(TOKEN)
    (tmp_path / "test.txt").write_text("10002456\n1000092795\n")
    Path(path(tmp_path, "1000092795.jpg")).unlink()
    where = r"dataset_flickr30k\.json, entry 0" if form == "karpathy" else r"results_20130124\.token, line 1"
    with pytest.raises(CallerError, match=f"{where}: no file .*1000092795"):
        flickr30k.read(tmp_path, form=form)
    kept = flickr30k.read(tmp_path, form=form, missing="drop")
    assert [sample.group for sample in kept.samples] == ["10002456.jpg"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filename": 1}, r"dataset_flickr30k\.json, entry 0: field 'filename' must be str, found 1"),
        ({"filename": "../x.jpg"}, r"entry 0: '\.\./x\.jpg' is not a file inside"),
        ({"sentences": ["One"]}, r"entry 0: field 'sentences\[0\]' must be dict, found 'One'"),
        (
            {"sentences": [{"raw": 2, "sentid": 1}]},
            r"entry 0, field 'sentences'\[0\]: field 'raw' must be str, found 2",
        ),
        ({"split": None}, r"entry 0: field 'split' is missing"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, TWO[0] | changes)
    with pytest.raises(CallerError, match=message):
        flickr30k.read(tmp_path)


@pytest.mark.parametrize("option", ["form", "split", "direction", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, *TWO)
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        flickr30k.read(tmp_path, **{option: "x"})


def test_all_is_no_split_of_karpathy(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option split='all' is unknown; choices: test, train, val"):
        flickr30k.read(tmp_path, split="all")


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*dataset_flickr30k\.json"):
        flickr30k.read(tmp_path)
    fill(tmp_path, TWO[1])
    with pytest.raises(CallerError, match="flickr30k: no sample that can be used"):
        flickr30k.read(tmp_path)
