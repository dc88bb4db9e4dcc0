from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.longvideobench import read
from tests.evals.published import film, write_json

ROW: dict[str, Any] = {
    "id": "86CxyhFV9MI_0",
    "video_id": "86CxyhFV9MI",
    "video_path": "86CxyhFV9MI.mp4",
    "subtitle_path": "86CxyhFV9MI_en.json",
    "question": "When the subtitle says this, what is on the table?",
    "question_wo_referring_query": "What is on the table?",
    "candidates": ["a cup", "a dog", "a hat", "a car"],
    "correct_choice": 2,
    "position": [854],
    "topic_category": "NP-News-Programs",
    "question_category": "TOS",
    "level": "L2-Relation",
    "duration_group": 600,
    "duration": 190.16,
    "starting_timestamp_for_subtitles": 0,
    "view_count": 1,
}


def put(folder: Path, *rows: dict[str, Any], name: str = "lvb_val.json") -> Path:
    write_json(folder / name, list(rows))
    film(folder / "videos/86CxyhFV9MI.mp4")
    return folder


def test_every_field(tmp_path: Path) -> None:
    (sample,) = read(put(tmp_path, ROW)).samples
    assert (sample.id, sample.text, sample.group) == ("86CxyhFV9MI_0", ROW["question"], "86CxyhFV9MI")
    assert sample.films == (str(tmp_path / "videos/86CxyhFV9MI.mp4"),)
    assert (sample.options, sample.choice) == (("a cup", "a dog", "a hat", "a car"), 2)
    assert sample.slices == {
        "duration": "600",
        "kind": "TOS",
        "topic": "NP-News-Programs",
        "level": "L2-Relation",
    }


def test_the_test_file_has_no_answers(tmp_path: Path) -> None:
    blind = {key: value for key, value in ROW.items() if key != "correct_choice"}
    assert read(put(tmp_path, blind, name="lvb_test_wo_gt.json"), split="test").samples[0].choice is None


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option split='train' is unknown; choices: test, val"):
        read(tmp_path, split="train")
    with pytest.raises(CallerError, match=r"entry 0: field 'correct_choice' must be a number from 0 to 3, found 4"):
        read(put(tmp_path, {**ROW, "correct_choice": 4}))
    with pytest.raises(CallerError, match=r"lvb_val\.json, entry 0: no file '.*videos/gone\.mp4'"):
        read(put(tmp_path, {**ROW, "video_path": "gone.mp4"}))
    with pytest.raises(CallerError, match=r"longvideobench: no sample that can be used .*lvb_val.json"):
        read(tmp_path, missing="drop")
    assert len(read(tmp_path, missing="keep").samples) == 1
