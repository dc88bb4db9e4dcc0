from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.video_mme import read
from tests.evals.published import film, write_json, write_jsonl

FILM: dict[str, Any] = {
    "video_id": "001",
    "duration": "short",
    "domain": "Knowledge",
    "sub_category": "Humanity & History",
    "url": "https://www.youtube.com/watch?v=fFjv93ACGo8",
    "videoID": "fFjv93ACGo8",
}
QUESTION: dict[str, Any] = {
    "question_id": "001-1",
    "task_type": "Counting Problem",
    "question": "Which kind of the decoration has the largest number?",
    "options": ["A. Apples.", "B. Candles.", "C. Berries.", "D. The same."],
    "answer": "C",
}
ROW = {**FILM, **QUESTION}
LONG = {**ROW, "question_id": "601-1", "duration": "long", "videoID": "zzz", "answer": "A"}


def put(folder: Path, *rows: dict[str, Any]) -> Path:
    write_jsonl(folder / "videomme.jsonl", rows)
    film(folder / "data/fFjv93ACGo8.mp4")
    film(folder / "data/zzz.MP4")
    return folder


def test_every_field(tmp_path: Path) -> None:
    first, second = read(put(tmp_path, ROW, LONG)).samples
    assert (first.id, first.text, first.group) == ("001-1", QUESTION["question"], "fFjv93ACGo8")
    assert first.films == (str(tmp_path / "data/fFjv93ACGo8.mp4"),)
    assert second.films == (str(tmp_path / "data/zzz.MP4"),)
    assert first.options == ("Apples.", "Candles.", "Berries.", "The same.")
    assert (first.choice, second.choice) == (2, 0)
    area = {"domain": "Knowledge", "area": "Humanity & History"}
    assert first.slices == {"duration": "short", "task": "Counting Problem"} | area


def test_by_duration(tmp_path: Path) -> None:
    assert [sample.id for sample in read(put(tmp_path, ROW, LONG), duration="long").samples] == ["601-1"]
    with pytest.raises(CallerError, match=r"video_mme: no sample that can be used .*videomme\.jsonl"):
        read(tmp_path, duration="medium")


@pytest.mark.parametrize("nested", [False, True])
def test_the_json_forms(tmp_path: Path, nested: bool) -> None:
    expected = read(put(tmp_path / "flat", ROW)).samples[0]
    film(tmp_path / "json/data/fFjv93ACGo8.mp4")
    write_json(tmp_path / "json/videomme.json", [{**FILM, "questions": [QUESTION]} if nested else ROW])
    (sample,) = read(tmp_path / "json").samples
    assert (sample.id, sample.options, sample.choice) == (expected.id, expected.options, expected.choice)
    assert (sample.group, sample.slices) == (expected.group, expected.slices)


def test_missing_films(tmp_path: Path) -> None:
    (put(tmp_path, ROW, LONG) / "data/zzz.MP4").unlink()
    with pytest.raises(CallerError, match=r"videomme\.jsonl, line 2: no file '.*data/zzz\.mp4'"):
        read(tmp_path)
    assert [sample.id for sample in read(tmp_path, missing="drop").samples] == ["001-1"]
    assert len(read(tmp_path, missing="keep").samples) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": "E"}, r"videomme\.jsonl, line 2: field 'answer' must be the letter of one of 4 options, found 'E'"),
        ({"options": "A. x"}, r"line 2: field 'options' must be list, found 'A\. x'"),
        ({"options": [1, 2]}, r"line 2: field 'options' must be list of str"),
        ({"question": None}, r"line 2: field 'question' is missing"),
        ({"task_type": ["x"]}, r"line 2: field 'task_type' must be str or number"),
        ({"question_id": "001-1"}, r"two samples have the id '001-1'"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, ROW, {**LONG, **changes}))


def test_missing_files_and_unknown_options(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*videomme\.jsonl' or '.*videomme\.json'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option duration='hour' is unknown; choices: all, long, medium, short"):
        read(tmp_path, duration="hour")
