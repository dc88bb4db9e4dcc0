from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.vizwiz import read
from tests.evals.published import picture, write_json


def entry(image: str, answerable: int, answers: list[tuple[str, str]], kind: str = "other") -> dict[str, Any]:
    return {
        "image": image,
        "question": "What is this?",
        "answers": [{"answer": text, "answer_confidence": sure} for text, sure in answers],
        "answer_type": kind,
        "answerable": answerable,
    }


FIRST = entry("VizWiz_val_00000000.jpg", 1, [("soda", "yes")] * 6 + [("coke", "maybe")] * 3 + [("can", "no")])
SECOND = entry("VizWiz_val_00000001.jpg", 0, [("unanswerable", "yes")] * 10, "unanswerable")


def put(folder: Path, *rows: Any, name: str = "Annotations/val.json") -> Path:
    write_json(folder / name, list(rows))
    for number in range(2):
        picture(folder / f"val/VizWiz_val_0000000{number}.jpg")
    return folder


def test_every_field(tmp_path: Path) -> None:
    first, second = read(put(tmp_path, FIRST, SECOND)).samples
    assert (first.id, first.text, first.group) == (
        "VizWiz_val_00000000.jpg",
        "What is this?",
        "VizWiz_val_00000000.jpg",
    )
    assert first.images == (str(tmp_path / "val/VizWiz_val_00000000.jpg"),)
    assert first.answers == ("soda",) * 6 + ("coke",) * 3 + ("can",)
    assert (first.answerable, second.answerable) == (True, False)
    assert second.answers == ("unanswerable",) * 10
    assert (first.slices, second.slices) == ({"answer_type": "other"}, {"answer_type": "unanswerable"})


@pytest.mark.parametrize(("least", "count"), [("no", 10), ("maybe", 9), ("yes", 6)])
def test_answers_by_confidence(tmp_path: Path, least: str, count: int) -> None:
    assert len(read(put(tmp_path, FIRST), confidence=least).samples[0].answers) == count


def test_the_test_file_and_a_flat_folder(tmp_path: Path) -> None:
    picture(tmp_path / "test/VizWiz_test_00000000.jpg")
    write_json(tmp_path / "test.json", [{"image": "VizWiz_test_00000000.jpg", "question": "Q?"}])
    (sample,) = read(tmp_path, split="test").samples
    assert (sample.answers, sample.answerable, sample.slices) == ((), None, {})


def test_missing_pictures(tmp_path: Path) -> None:
    put(tmp_path, FIRST, SECOND)
    (tmp_path / "val/VizWiz_val_00000001.jpg").unlink()
    with pytest.raises(CallerError, match=r"val\.json, entry 1: no file"):
        read(tmp_path)
    assert [sample.id for sample in read(tmp_path, missing="drop").samples] == ["VizWiz_val_00000000.jpg"]
    assert len(read(tmp_path, missing="keep").samples) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answerable": 2}, r"val\.json, entry 1: field 'answerable' must be 0 or 1, found 2"),
        ({"answerable": True}, r"entry 1: field 'answerable' must be int, found True"),
        ({"answers": [3]}, r"entry 1: field 'answers\[0\]' must be dict, found 3"),
        ({"answers": [{"answer": None}]}, r"entry 1, field 'answers'\[0\]: field 'answer' is missing"),
        ({"image": 4}, r"entry 1: field 'image' must be str, found 4"),
        ({"image": "../val.jpg"}, r"entry 1: '\.\./val\.jpg' is not a file inside"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, FIRST, {**SECOND, **changes}))


def test_unknown_options_missing_files_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option confidence='sure' is unknown; choices: maybe, no, yes"):
        read(tmp_path, confidence="sure")
    with pytest.raises(CallerError, match=r"no file '.*/Annotations/train\.json' or '.*/train\.json'"):
        read(tmp_path, split="train")
    with pytest.raises(CallerError, match=r"vizwiz: no sample that can be used .*val.json"):
        read(put(tmp_path))
