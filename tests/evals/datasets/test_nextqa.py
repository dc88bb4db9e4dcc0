from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.nextqa import read
from tests.evals.published import film, write_csv, write_json

ROW: dict[str, Any] = {
    "video": "4010069381",
    "frame_count": 369,
    "width": 640,
    "height": 480,
    "question": "how do the two man play the instrument",
    "answer": 4,
    "qid": 6,
    "type": "CH",
    **{f"a{number}": f"option {number}" for number in range(5)},
}


def put(folder: Path, *rows: dict[str, Any], inner: str = "") -> Path:
    write_csv(folder / inner / "val.csv", rows, names=list(ROW))
    write_json(folder / inner / "map_vid_vidorID.json", {"4010069381": "1164/4010069381"})
    film(folder / "NExTVideo/1164/4010069381.mp4")
    return folder


@pytest.mark.parametrize("inner", ["", "nextqa"])
def test_every_field(tmp_path: Path, inner: str) -> None:
    (sample,) = read(put(tmp_path, ROW, inner=inner)).samples
    assert (sample.id, sample.text, sample.group) == ("4010069381/6", ROW["question"], "4010069381")
    assert sample.films == (str(tmp_path / "NExTVideo/1164/4010069381.mp4"),)
    assert sample.options == tuple(f"option {number}" for number in range(5))
    assert sample.choice == 4
    assert sample.slices == {"kind": "causal", "type": "CH"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": 5}, r"val\.csv, line 3: field 'answer' must be a number from 0 to 4, found '5'"),
        ({"answer": "x"}, r"line 3: field 'answer' must be a number from 0 to 4, found 'x'"),
        ({"type": "XY"}, r"line 3: field 'type' must be a code that starts with C, T or D, found 'XY'"),
        ({"video": "9"}, r"line 3: no file '.*NExTVideo/9\.mp4'"),
        ({}, r"two samples have the id '4010069381/6'"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, ROW, {**ROW, **changes}))


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*/val\.csv' or '.*nextqa/val\.csv'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option split='dev' is unknown; choices: test, train, val"):
        read(tmp_path, split="dev")
    with pytest.raises(CallerError, match=r"nextqa: no sample that can be used .*val\.csv"):
        read(put(tmp_path))
    write_json(tmp_path / "map_vid_vidorID.json", {"4010069381": 3})
    with pytest.raises(CallerError, match=r"map_vid_vidorID\.json: field '4010069381' must be str, found 3"):
        read(tmp_path)
