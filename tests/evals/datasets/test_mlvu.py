from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.mlvu import read
from tests.evals.published import film, write_json

PLOT: dict[str, Any] = {
    "video": "movie101_66.mp4",
    "duration": 246,
    "question": "What color is the main male character in the video?",
    "candidates": ["Yellow", "Red", "Green", "Blue"],
    "answer": "Red",
    "question_type": "plotQA",
}
SUMMARY: dict[str, Any] = {
    "video": "a.mp4",
    "duration": 3600.5,
    "question": "Can you summarize the film?",
    "answer": "A man goes home.",
    "question_type": "summary",
    "scoring_points": ["x"],
}


def put(folder: Path, **files: list[Any]) -> Path:
    for name, rows in files.items():
        write_json(folder / f"json/{name.lstrip('_')}.json", rows)
    film(folder / "video/1_plotQA/movie101_66.mp4")
    film(folder / "video/9_summary/a.mp4")
    return folder


def test_every_field(tmp_path: Path) -> None:
    put(tmp_path, _1_plotQA=[PLOT, {**PLOT, "answer": "Blue", "duration": 60.0}], _9_summary=[SUMMARY])
    first, second = read(tmp_path).samples
    assert (first.id, second.id) == ("1_plotQA/0", "1_plotQA/1")
    assert first.text == PLOT["question"]
    assert first.films == (str(tmp_path / "video/1_plotQA/movie101_66.mp4"),)
    assert first.options == ("Yellow", "Red", "Green", "Blue")
    assert (first.choice, second.choice) == (1, 3)
    assert first.group == second.group == "1_plotQA/movie101_66.mp4"
    assert (first.slices, second.slices["duration"]) == ({"task": "plotQA", "duration": "3 to 10 min"}, "under 3 min")
    assert first.answers == ()


def test_written_tasks(tmp_path: Path) -> None:
    put(tmp_path, _1_plotQA=[PLOT], _9_summary=[SUMMARY])
    (sample,) = read(tmp_path, task="summary").samples
    assert (sample.options, sample.choice, sample.answers) == ((), None, ("A man goes home.",))
    assert sample.slices == {"task": "summary", "duration": "30 min and over"}
    assert len(read(tmp_path, task="all").samples) == 2


def test_films_that_lie_flat(tmp_path: Path) -> None:
    film(tmp_path / "video/flat.mp4")
    put(tmp_path, _1_plotQA=[{**PLOT, "video": "flat.mp4"}])
    assert read(tmp_path).samples[0].films == (str(tmp_path / "video/flat.mp4"),)


def test_missing_films(tmp_path: Path) -> None:
    put(tmp_path, _1_plotQA=[PLOT, {**PLOT, "video": "gone.mp4"}])
    with pytest.raises(CallerError, match=r"1_plotQA\.json, entry 1: no file '.*video/1_plotQA/gone\.mp4'"):
        read(tmp_path)
    assert len(read(tmp_path, missing="drop").samples) == 1
    assert len(read(tmp_path, missing="keep").samples) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": "Pink"}, r"1_plotQA\.json, entry 1: field 'answer' must be one of .*found 'Pink'"),
        ({"candidates": [1, 2]}, r"entry 1: field 'candidates' must be list of str"),
        ({"duration": "246"}, r"entry 1: field 'duration' must be float, found '246'"),
        ({"video": None}, r"entry 1: field 'video' is missing"),
        ({"video": "../../../x.mp4"}, r"is not a file inside"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, _1_plotQA=[PLOT, {**PLOT, **changes}]))


def test_missing_files_unknown_options_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*json/\*\.json'"):
        read(tmp_path)
    put(tmp_path, _1_plotQA=[PLOT], _2_needle=[])
    with pytest.raises(CallerError, match="option task='count' is unknown; choices: all, choice, needle, plotQA"):
        read(tmp_path, task="count")
    with pytest.raises(CallerError, match=r"mlvu: no sample that can be used .*2_needle\.json"):
        read(tmp_path, task="needle")
