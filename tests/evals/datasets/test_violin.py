from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.violin import read
from foveate.evals.samples import Document
from tests.evals.published import film, write_json

CLIP: dict[str, Any] = {
    "file": "friends_s01e01_seg02_clip_00",
    "source": "friends_s01e01",
    "split": "test",
    "span": [12.5, 47],
    "sub": [["Where is he?", 1.0, 2.0], ["At home.", 3.0, 4.0]],
    "statement": [["He is at home.", "He is at work."], ["Two talk.", "One talks."], ["A.", "B."]],
}
KEY = "friends_s01e01_seg02_clip_00"


def put(folder: Path, **changes: Any) -> Path:
    other = {**CLIP, "file": "movie_1", "split": "train"}
    write_json(folder / "violin_annotation.json", {KEY: {**CLIP, **changes}, "movie_1": other})
    film(folder / f"videos/{KEY}.mkv")
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path))
    path = str(tmp_path / f"videos/{KEY}.mkv")
    assert len(dataset.samples) == 6
    true, false = dataset.samples[:2]
    assert (true.id, false.id) == (f"{KEY}/0/entailed", f"{KEY}/0/contradicted")
    assert (true.text, false.text) == ("He is at home.", "He is at work.")
    assert (true.label, false.label) == ("entailed", "contradicted")
    assert true.labels == false.labels == ("entailed", "contradicted")
    assert true.films == (path,)
    assert true.candidates == (KEY,)
    assert true.group == KEY
    assert true.slices == false.slices == {"pair": f"{KEY}/0"}
    assert true.spans == ()  # the film is the clip
    assert dataset.documents == (Document(id=KEY, text="Where is he?\nAt home.", film=path, group=KEY),)


def test_whole_sources(tmp_path: Path) -> None:
    film(tmp_path / "videos/friends_s01e01.mp4")
    dataset = read(put(tmp_path), films="sources")
    assert dataset.samples[0].films == (str(tmp_path / "videos/friends_s01e01.mp4"),)
    assert dataset.samples[0].spans == ((12.5, 47.0),)
    assert dataset.documents[0].span == (12.5, 47.0)


def test_a_clip_without_subtitles(tmp_path: Path) -> None:
    assert read(put(tmp_path, sub=[])).documents[0].text is None


def test_missing_films(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"violin_annotation\.json, entry 'movie_1': no file '.*videos/movie_1\.mp4'"):
        read(put(tmp_path), split="train")
    with pytest.raises(CallerError, match="no sample that can be used"):
        read(tmp_path, split="train", missing="drop")
    assert len(read(tmp_path, split="train", missing="keep").samples) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"statement": [["a", "b", "c"]]}, r"entry 'friends.*: field 'statement\[0\]' must be \[true statement, false"),
        ({"statement": [["a", 2]]}, r"field 'statement\[0\]' .*found \['a', 2\]"),
        ({"statement": "x"}, r"field 'statement' must be list, found 'x'"),
        ({"sub": ["Where is he?"]}, r"field 'sub\[0\]' must be \[text, \.\.\.\], found 'Where is he\?'"),
        ({"file": 3}, r"field 'file' must be str, found 3"),
        ({"file": "../x"}, r"'\.\./x' is not a file inside"),
    ],
)
def test_a_wrong_clip(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, **changes))


@pytest.mark.parametrize("span", [[47, 12.5], [1], ["1", "2"]])
def test_a_wrong_span(tmp_path: Path, span: list[Any]) -> None:
    film(tmp_path / "videos/friends_s01e01.mp4")
    with pytest.raises(CallerError, match=r"field 'span' must be \[start, end\] in seconds"):
        read(put(tmp_path, span=span), films="sources")


def test_unknown_options_missing_file_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*violin_annotation\.json'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option split='val' is unknown; choices: test, train"):
        read(put(tmp_path), split="val")
    with pytest.raises(CallerError, match="option films='raw' is unknown; choices: clips, sources"):
        read(tmp_path, films="raw")
    write_json(tmp_path / "violin_annotation.json", {})
    with pytest.raises(CallerError, match=r"violin: no sample that can be used .*violin_annotation\.json"):
        read(tmp_path)
