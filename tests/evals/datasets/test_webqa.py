import base64
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.webqa import read
from foveate.evals.samples import Document, Place
from tests.evals.published import picture, picture_bytes, write_json


def image(number: int, caption: str) -> dict[str, Any]:
    return {
        "image_id": number,
        "title": f"Title {number}",
        "caption": caption,
        "url": "https://x",
        "imgUrl": "https://y",
    }


def snippet(name: str, fact: str) -> dict[str, Any]:
    return {"snippet_id": name, "title": "Airport", "fact": fact, "url": "https://x"}


BODY: dict[str, dict[str, Any]] = {
    "d5bc": {
        "Q": '"What pattern do the lines form?"',
        "A": ['"They form a zigzag pattern."'],
        "topic": "Castro",
        "split": "val",
        "Qcate": "shape",
        "Guid": "d5bc",
        "img_posFacts": [image(1, "Castro Theatre")],
        "img_negFacts": [image(10_000_000, "Another theatre")],
        "txt_posFacts": [],
        "txt_negFacts": [snippet("d5bc_0", "A theatre is a house.")],
    },
    "d5cc": {
        "Q": "Which thing is SPN?",
        "A": ["Airport"],
        "split": "val",
        "Qcate": "text",
        "img_posFacts": [],
        "img_negFacts": [image(1, "Castro Theatre")],
        "txt_posFacts": [snippet("d5cc_1", "SPN is an airport."), snippet("d5cc_0", "It is the largest.")],
        "txt_negFacts": [],
    },
    "d5dd": {"Q": "Of another split?", "A": ["x"], "split": "train", "Qcate": "text", "txt_posFacts": []},
}


def put(folder: Path, body: dict[str, Any] = BODY, *, pictures: bool = True) -> Path:
    write_json(folder / "WebQA_train_val.json", body)
    if pictures:
        picture(folder / "pictures/1.jpg")
        picture(folder / "pictures/10000000.png")
    return folder


def archive(folder: Path, *rows: tuple[int, bytes]) -> Path:
    """``imgs.tsv`` and ``imgs.lineidx`` as the authors have them."""
    lines = [f"{number}\t{base64.b64encode(data).decode()}\n" for number, data in rows]
    (folder / "imgs.tsv").write_text("".join(lines))
    starts = [sum(len(line) for line in lines[:index]) for index in range(len(lines))]
    (folder / "imgs.lineidx").write_text("".join(f"{start}\n" for start in starts))
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path))
    first, second = dataset.samples
    assert (first.id, first.text) == ("d5bc", "What pattern do the lines form?")
    assert first.answers == ("They form a zigzag pattern.",)
    assert first.candidates == ("img/1", "img/10000000", "txt/d5bc_0")
    assert (first.relevant, first.facts) == ({"img/1": 1.0}, (Place(document="img/1"),))
    assert first.slices == {"kind": "shape", "modality": "image", "hops": "1"}
    assert second.facts == (Place(document="txt/d5cc_1"), Place(document="txt/d5cc_0"))
    assert second.candidates == ("img/1", "txt/d5cc_0", "txt/d5cc_1")
    assert second.slices == {"kind": "text", "modality": "text", "hops": "2"}
    documents = {document.id: document for document in dataset.documents}
    assert documents["img/1"] == Document(
        id="img/1", text="Castro Theatre", image=str(tmp_path / "pictures/1.jpg"), title="Title 1", group="img/1"
    )
    assert documents["txt/d5bc_0"] == Document(id="txt/d5bc_0", text="A theatre is a house.", title="Airport")
    assert len(documents) == 5  # the picture that two questions name is one document


@pytest.mark.parametrize(
    ("published", "read_as"),
    [
        ('"Is it?"', "Is it?"),
        ('Who sang "Help"', 'Who sang "Help"'),
        ('"A" or "B"', '"A" or "B"'),
        ('"', '"'),
        ("x", "x"),
    ],
)
def test_quotation_marks_around_a_whole_text_are_taken_off(tmp_path: Path, published: str, read_as: str) -> None:
    body = {"d5bc": {**BODY["d5bc"], "Q": published, "A": [published]}}
    (sample,) = read(put(tmp_path, body)).samples
    assert (sample.text, sample.answers) == (read_as, (read_as,))


def test_the_test_file(tmp_path: Path) -> None:
    picture(tmp_path / "pictures/1.jpg")
    facts = {"img_Facts": [image(1, "Castro")], "txt_Facts": [snippet("s_0", "One.")]}
    write_json(tmp_path / "WebQA_test.json", {"t": {"Q": "Q?", "Qcate": "text", **facts}})
    (sample,) = read(tmp_path, split="test").samples
    assert sample.candidates == ("img/1", "txt/s_0")
    assert (sample.answers, sample.relevant, sample.slices) == ((), {}, {"kind": "text"})


def test_pictures_are_taken_out_of_the_archive_once(tmp_path: Path) -> None:
    put(tmp_path, pictures=False)
    data = [(10_000_000, picture_bytes("PNG")), (1, picture_bytes("JPEG", (1, 2, 3)))]
    dataset = read(archive(tmp_path, *data), unpack="yes")
    assert (tmp_path / "pictures/1.jpg").read_bytes() == data[1][1]
    assert (tmp_path / "pictures/10000000.png").read_bytes() == data[0][1]
    (tmp_path / "imgs.tsv").unlink()
    assert read(tmp_path, unpack="yes") == dataset  # nothing is left to take out


def test_an_archive_that_does_not_fit(tmp_path: Path) -> None:
    put(tmp_path, pictures=False)
    with pytest.raises(CallerError, match=r"no file '.*imgs\.tsv', which unpack='yes' reads"):
        read(tmp_path, unpack="yes", missing="drop")
    archive(tmp_path, (0, picture_bytes()), (2, picture_bytes()))
    with pytest.raises(CallerError, match=r"'img_posFacts'\[0\]: imgs\.lineidx leads to picture '2' instead of '1'"):
        read(tmp_path, unpack="yes")
    archive(tmp_path, (0, picture_bytes()))
    with pytest.raises(CallerError, match=r"picture 1 is beyond the 1 lines of imgs\.lineidx"):
        read(tmp_path, unpack="yes")
    (tmp_path / "imgs.lineidx").write_text("0\nx\n")
    with pytest.raises(CallerError, match=r"imgs\.lineidx: a number a line is expected"):
        read(tmp_path, unpack="yes")


def test_a_picture_of_another_kind_is_refused_or_left_out(tmp_path: Path) -> None:
    put(tmp_path, pictures=False)
    archive(tmp_path, (10_000_000, b"GIF89a"), (1, picture_bytes()))
    with pytest.raises(CallerError, match="a picture must be PNG or JPEG"):
        read(tmp_path, unpack="yes")
    dataset = read(tmp_path, unpack="yes", missing="drop")
    assert [sample.id for sample in dataset.samples] == ["d5bc", "d5cc"]
    assert "img/10000000" not in dataset.samples[0].candidates


def test_a_sample_goes_with_its_positive_picture(tmp_path: Path) -> None:
    put(tmp_path, pictures=False)
    with pytest.raises(CallerError, match=r"entry 'd5bc', field 'img_posFacts'\[0\]: no file '.*pictures/1\.jpg'"):
        read(tmp_path)
    dataset = read(tmp_path, missing="drop")
    assert [sample.id for sample in dataset.samples] == ["d5cc"]
    assert all(document.image is None for document in dataset.documents)
    kept = read(tmp_path, missing="keep")
    assert len(kept.samples) == 2
    assert [document.text for document in kept.documents if document.image] == ["Castro Theatre", "Another theatre"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Q": 3}, r"WebQA_train_val\.json, entry 'd5bc': field 'Q' must be str, found 3"),
        ({"A": "x"}, r"entry 'd5bc': field 'A' must be list, found 'x'"),
        ({"split": None}, r"entry 'd5bc': field 'split' is missing"),
        ({"img_posFacts": [{"image_id": "../1"}]}, r"field 'img_posFacts'\[0\]: field 'image_id' must be a number"),
        ({"img_posFacts": [{"image_id": 1}]}, r"field 'img_posFacts'\[0\]: field 'caption' is missing"),
        ({"txt_posFacts": [{"snippet_id": "a"}]}, r"field 'txt_posFacts'\[0\]: field 'fact' is missing"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, {"d5bc": {**BODY["d5bc"], **changes}}))


def test_missing_files_unknown_options_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*WebQA_test\.json'"):
        read(tmp_path, split="test")
    with pytest.raises(CallerError, match="option unpack='all' is unknown; choices: no, yes"):
        read(put(tmp_path), unpack="all")
    with pytest.raises(CallerError, match=r"webqa: no sample that can be used .*WebQA_train_val\.json"):
        read(put(tmp_path, {"d5dd": BODY["d5dd"]}))
