from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.queryd import read
from foveate.evals.samples import Document
from tests.evals.published import film, write_json

CAPTIONS: dict[str, Any] = {
    "video-__5k7e0f3r4": [["a", "man", "walks"], "He sits down.", []],
    "video-abc": [["a", "boat"]],
}
TIMES: dict[str, Any] = {"video-__5k7e0f3r4": [[1.5, 4], [4, 9.25], [10, 11]], "video-abc": [[0, 3]]}


def put(folder: Path, captions: object = CAPTIONS, times: object = TIMES, end: str = "") -> Path:
    write_json(folder / f"raw_captions_combined_filtered{end}.json", captions)
    write_json(folder / f"times_captions_combined_filtered{end}.json", times)
    (folder / "test_list.txt").write_text("video-__5k7e0f3r4\nvideo-gone\n")
    film(folder / "videos/__5k7e0f3r4.mp4")
    film(folder / "videos/abc.webm")
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path))
    first, second = dataset.samples
    path = str(tmp_path / "videos/__5k7e0f3r4.mp4")
    assert (first.id, second.id) == ("video-__5k7e0f3r4/0", "video-__5k7e0f3r4/1")
    assert (first.text, second.text) == ("a man walks", "He sits down.")
    assert (first.spans, second.spans) == (((1.5, 4.0),), ((4.0, 9.25),))
    assert first.films == (path,)
    assert first.relevant == {"video-__5k7e0f3r4": 1.0}
    assert first.group == "video-__5k7e0f3r4"
    assert dataset.documents == (Document(id="video-__5k7e0f3r4", film=path, group="video-__5k7e0f3r4"),)


def test_without_a_list(tmp_path: Path) -> None:
    (put(tmp_path, end="-v2") / "test_list.txt").unlink()
    assert len(read(tmp_path, split="all").samples) == 3
    with pytest.raises(CallerError, match=r"no file '.*test_list\.txt'; split='all' needs no list"):
        read(tmp_path)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    for name in ("raw", "times"):
        (tmp_path / f"{name}_captions_combined_filtered.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(CallerError, match=r"no file '.*raw_captions_combined_filtered\.json'"):
        read(tmp_path)


def test_missing_films(tmp_path: Path) -> None:
    (put(tmp_path) / "videos/abc.webm").unlink()
    with pytest.raises(CallerError, match=r"raw_captions_combined_filtered\.json, entry 'video-abc': no file"):
        read(tmp_path, split="all")
    assert len(read(tmp_path, split="all", missing="drop").samples) == 2
    assert len(read(tmp_path, split="all", missing="keep").samples) == 3


@pytest.mark.parametrize(
    ("captions", "times", "message"),
    [
        ({"video-abc": ["a", "b"]}, TIMES, r"times_.*: entry 'video-abc' has 1 times for 2 captions"),
        ({"video-abc": ["a"]}, {}, r"entry 'video-abc' has 0 times for 1 captions"),
        ({"video-abc": [5]}, TIMES, r"raw_.*: field 'video-abc\[0\]' must be str or list of str, found 5"),
        ({"video-abc": "a"}, TIMES, r"raw_.*: field 'video-abc' must be list, found 'a'"),
        ({"video-abc": ["a"]}, {"video-abc": [[3, 1]]}, r"field 'video-abc\[0\]' must be \[start, end\] in seconds"),
        (["a"], TIMES, r"raw_.*: a JSON object is expected, found \['a'\]"),
        ({}, TIMES, r"queryd: no sample that can be used .*raw_captions_combined_filtered\.json"),
    ],
)
def test_wrong_rows(tmp_path: Path, captions: object, times: object, message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, captions, times), split="all")


def test_broken_json_and_unknown_options(tmp_path: Path) -> None:
    (put(tmp_path) / "times_captions_combined_filtered.json").write_text("{")
    with pytest.raises(CallerError, match=r"times_captions_combined_filtered\.json: no JSON"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option split='dev' is unknown; choices: all, test, train, val"):
        read(tmp_path, split="dev")
