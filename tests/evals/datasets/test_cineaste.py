from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.cineaste import read
from tests.evals.published import film, write_json, write_jsonl

ROW: dict[str, Any] = {
    "id": 7,
    "film": "tt0111161",
    "question": "Why does he look away?",
    "options": ["A. He is sad.", "B. He is late.", "C. He lies."],
    "answer": "B",
    "category": "Character Dynamics",
    "scene": "12",
    "span": [10, 95.5],
}


def put(folder: Path, *rows: dict[str, Any]) -> Path:
    write_jsonl(folder / "cineaste.jsonl", rows)
    film(folder / "videos/tt0111161.mkv")
    return folder


def test_every_field(tmp_path: Path) -> None:
    (sample,) = read(put(tmp_path, ROW)).samples
    assert (sample.id, sample.text, sample.group) == ("7", "Why does he look away?", "tt0111161")
    assert sample.films == (str(tmp_path / "videos/tt0111161.mkv"),)
    assert sample.options == ("He is sad.", "He is late.", "He lies.")
    assert sample.choice == 1
    assert sample.spans == ((10.0, 95.5),)
    assert sample.slices == {"category": "Character Dynamics"}


@pytest.mark.parametrize(("answer", "choice"), [("C", 2), (0, 0), ("A. He is sad.", 0)])
def test_forms_of_the_answer(tmp_path: Path, answer: object, choice: int) -> None:
    assert read(put(tmp_path, {**ROW, "answer": answer})).samples[0].choice == choice


def test_a_json_list_and_no_span(tmp_path: Path) -> None:
    film(tmp_path / "videos/tt0111161.mp4")
    write_json(tmp_path / "cineaste.json", [{key: ROW[key] for key in ROW if key not in ("span", "category")}])
    (sample,) = read(tmp_path).samples
    assert (sample.spans, sample.slices) == ((), {})


def test_missing_films(tmp_path: Path) -> None:
    put(tmp_path, ROW, {**ROW, "id": 8, "film": "gone"})
    with pytest.raises(CallerError, match=r"cineaste\.jsonl, line 2: no file '.*videos/gone\.mp4'"):
        read(tmp_path)
    assert len(read(tmp_path, missing="drop").samples) == 1
    assert len(read(tmp_path, missing="keep").samples) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": "D"}, r"cineaste\.jsonl, line 2: field 'answer' must be the letter of one of 3 options, found 'D'"),
        ({"answer": 3}, r"line 2: field 'answer' must be a number from 0 to 2, found 3"),
        ({"answer": None}, r"line 2: field 'answer' is missing"),
        ({"options": None}, r"line 2: field 'options' is missing"),
        ({"span": [5, 1]}, r"line 2: field 'span' must be \[start, end\] in seconds, found \[5, 1\]"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, ROW, {**ROW, "id": 8, **changes}))


def test_missing_files_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*cineaste\.jsonl' or '.*cineaste\.json'"):
        read(tmp_path)
    with pytest.raises(CallerError, match=r"cineaste: no sample that can be used .*cineaste\.jsonl"):
        read(put(tmp_path))
