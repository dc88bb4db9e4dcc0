from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.egoschema import read
from tests.evals.published import film, write_json


def question(name: str) -> dict[str, Any]:
    options = {f"option {number}": f"C does {number}" for number in range(5)}
    return {"q_uid": name, "google_drive_id": "1x", "question": f"What does c do in {name}?", **options}


def put(folder: Path, answers: object = {"aaa": 3}, rows: tuple[str, ...] = ("aaa", "bbb")) -> Path:
    write_json(folder / "questions.json", [question(name) for name in rows])
    write_json(folder / "subset_answers.json", answers)
    for name in rows:
        film(folder / f"videos/{name}.mp4")
    return folder


def test_every_field(tmp_path: Path) -> None:
    (sample,) = read(put(tmp_path)).samples
    assert (sample.id, sample.text, sample.group) == ("aaa", "What does c do in aaa?", "aaa")
    assert sample.films == (str(tmp_path / "videos/aaa.mp4"),)
    assert sample.options == tuple(f"C does {number}" for number in range(5))
    assert sample.choice == 3


def test_all_questions_with_what_answers_there_are(tmp_path: Path) -> None:
    assert [sample.choice for sample in read(put(tmp_path), split="full").samples] == [3, None]
    (tmp_path / "subset_answers.json").unlink()
    assert [sample.choice for sample in read(tmp_path, split="full").samples] == [None, None]
    with pytest.raises(CallerError, match=r"no file '.*subset_answers\.json'"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"aaa": 5}, r"subset_answers\.json: field 'aaa' must be a number from 0 to 4, found 5"),
        ({"aaa": "C"}, r"subset_answers\.json: field 'aaa' must be a number"),
        ([3], r"subset_answers\.json: a JSON object is expected, found \[3\]"),
        ({}, r"egoschema: no sample that can be used .*questions\.json"),
    ],
)
def test_wrong_answers(tmp_path: Path, answers: object, message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, answers))


def test_bad_questions(tmp_path: Path) -> None:
    put(tmp_path)
    with pytest.raises(CallerError, match="option split='val' is unknown; choices: full, subset"):
        read(tmp_path, split="val")
    (tmp_path / "videos/aaa.mp4").unlink()
    with pytest.raises(CallerError, match=r"questions\.json, entry 0: no file '.*videos/aaa\.mp4'"):
        read(tmp_path)
    row = question("aaa")
    del row["option 4"]
    write_json(tmp_path / "questions.json", [row])
    with pytest.raises(CallerError, match=r"questions\.json, entry 0: field 'option 4' is missing"):
        read(tmp_path, missing="keep")
