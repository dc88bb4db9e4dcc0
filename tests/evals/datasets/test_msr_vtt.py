from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.msr_vtt import read
from foveate.evals.samples import Document
from tests.evals.published import film, write_csv, write_json


def video(number: int, split: str) -> dict[str, Any]:
    ends = {"start time": 1.0, "end time": 9.5, "url": "https://x"}
    return {"video_id": f"video{number}", "split": split, "category": number + 2, "id": number, **ends}


def caption(number: int, film_number: int, text: str) -> dict[str, Any]:
    return {"sen_id": number, "video_id": f"video{film_number}", "caption": text}


BODY: dict[str, Any] = {
    "info": {},
    "videos": [video(0, "train"), video(1, "test"), video(2, "test")],
    "sentences": [
        caption(10, 1, "a man drives"),
        caption(11, 0, "a dog"),
        caption(12, 1, "a car"),
        caption(13, 2, "x"),
    ],
}
PAIRS = [
    {"key": f"ret{number}", "vid_key": f"msr{number}", "video_id": f"video{number}", "sentence": f"sentence, {number}"}
    for number in (1, 2)
]


def put(folder: Path, body: dict[str, Any] = BODY) -> Path:
    write_json(folder / "MSRVTT_data.json", body)
    write_csv(folder / "MSRVTT_JSFUSION_test.csv", PAIRS)
    for number in range(3):
        film(folder / f"videos/video{number}.mp4")
    return folder


def test_the_1k_a_split(tmp_path: Path) -> None:
    dataset = read(put(tmp_path))
    first, second = dataset.samples
    assert (first.id, first.text, first.group) == ("ret1", "sentence, 1", "video1")
    assert (first.relevant, second.relevant) == ({"video1": 1.0}, {"video2": 1.0})
    assert dataset.documents[0] == Document(id="video1", film=str(tmp_path / "videos/video1.mp4"), group="video1")
    assert (len(dataset.documents), first.films, first.candidates) == (2, (), ())


def test_a_sample_a_caption(tmp_path: Path) -> None:
    dataset = read(put(tmp_path), split="test")
    assert [sample.id for sample in dataset.samples] == ["10", "12", "13"]
    assert [document.id for document in dataset.documents] == ["video1", "video2"]
    assert dataset.samples[1].relevant == {"video1": 1.0}
    assert dataset.samples[1].slices == {"category": "3"}
    assert [sample.text for sample in read(tmp_path, split="train").samples] == ["a dog"]


def test_the_challenge_files(tmp_path: Path) -> None:
    (put(tmp_path) / "MSRVTT_data.json").rename(tmp_path / "test_videodatainfo.json")
    assert len(read(tmp_path, split="test").samples) == 3
    with pytest.raises(CallerError, match=r"no file '.*MSRVTT_data\.json' or '.*train_val_videodatainfo\.json'"):
        read(tmp_path, split="validate")


def test_missing_films(tmp_path: Path) -> None:
    (put(tmp_path) / "videos/video2.mp4").unlink()
    with pytest.raises(CallerError, match=r"MSRVTT_JSFUSION_test\.csv, line 3: no file '.*video2\.mp4'"):
        read(tmp_path)
    assert [sample.id for sample in read(tmp_path, missing="drop").samples] == ["ret1"]
    assert [sample.id for sample in read(tmp_path, split="test", missing="drop").samples] == ["10", "12"]
    assert len(read(tmp_path, missing="keep").documents) == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**BODY, "videos": [{"video_id": 3}]}, r"MSRVTT_data\.json, entry 0: field 'video_id' must be str, found 3"),
        ({**BODY, "sentences": [caption(1, 1, "a"), {"video_id": "video1"}]}, r"entry 1: field 'sen_id' is missing"),
        ({**BODY, "sentences": [{**caption(1, 1, "a"), "caption": ["a"]}]}, r"entry 0: field 'caption' must be str"),
        ({**BODY, "sentences": [caption(1, 1, "a"), caption(1, 1, "b")]}, r"two samples have the id '1'"),
        ({"videos": []}, "a JSON object with key 'sentences' is expected"),
    ],
)
def test_wrong_rows(tmp_path: Path, body: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, body), split="test")


def test_missing_files_unknown_options_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*MSRVTT_JSFUSION_test\.csv'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option split='val' is unknown; choices: 1k-A, test, train, validate"):
        read(tmp_path, split="val")
    with pytest.raises(CallerError, match=r"msr_vtt: no sample that can be used .*MSRVTT_data\.json"):
        read(put(tmp_path), split="validate")
