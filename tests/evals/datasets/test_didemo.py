from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.datasets.didemo import consensus, read
from foveate.evals.samples import Document
from tests.evals.published import film, write_json

moments = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (min(pair), max(pair)))

ROW: dict[str, Any] = {
    "annotation_id": 31900,
    "description": "a girl waves",
    "video": "54322086@N00_2408598493.mov",
    "times": [[1, 1], [1, 2], [1, 1], [4, 5]],
    "num_segments": 6,
    "download_link": "https://x",
}


def put(folder: Path, *rows: dict[str, Any]) -> Path:
    write_json(folder / "data/test_data.json", list(rows))
    film(folder / "videos/54322086@N00_2408598493.mp4")
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, ROW, {**ROW, "annotation_id": 31901, "times": [[0, 0]]}))
    first, second = dataset.samples
    path = str(tmp_path / "videos/54322086@N00_2408598493.mp4")
    assert (first.id, first.text, first.films, first.group) == ("31900", "a girl waves", (path,), ROW["video"])
    assert first.spans == ((5.0, 10.0),)
    assert second.spans == ((0.0, 5.0),)
    assert first.relevant == {ROW["video"]: 1.0}
    assert dataset.documents == (Document(id=ROW["video"], film=path, group=ROW["video"]),)


def test_all_moments_by_votes(tmp_path: Path) -> None:
    (sample,) = read(put(tmp_path, ROW), spans="all").samples
    assert sample.spans == ((5.0, 10.0), (5.0, 15.0), (20.0, 30.0))


def test_consensus_by_hand() -> None:
    # (1,1): its three best overlaps are 1, 1 and 1/2; (1,2): 1, 1/2 and 1/2.
    assert consensus([(1, 1), (1, 2), (1, 1), (4, 5)]) == (1, 1)
    # No two agree; the one in the middle overlaps both others: (0,3): 1, 2/4, 2/4; (0,1): 1, 1/2, 0.
    assert consensus([(0, 1), (0, 3), (2, 3)]) == (0, 3)
    # Complete disagreement: the earliest, then the shortest.
    assert consensus([(3, 3), (0, 0), (5, 5)]) == (0, 0)


@given(st.lists(moments, min_size=1, max_size=5))
def test_consensus_is_marked_and_does_not_depend_on_order(times: list[tuple[int, int]]) -> None:
    found = consensus(times)
    assert found in times
    assert consensus(times[::-1]) == found


@given(moments, st.lists(moments, max_size=2))
def test_three_alike_are_the_consensus(moment: tuple[int, int], others: list[tuple[int, int]]) -> None:
    assert consensus([moment, *others, moment, moment]) == moment


def test_missing_films(tmp_path: Path) -> None:
    put(tmp_path, ROW, {**ROW, "annotation_id": 2, "video": "other.avi"})
    with pytest.raises(CallerError, match=r"test_data\.json, entry 1: no file '.*videos/other\.avi'"):
        read(tmp_path)
    assert [sample.id for sample in read(tmp_path, missing="drop").samples] == ["31900"]
    assert read(tmp_path, missing="keep").samples[1].films == (str(tmp_path / "videos/other.avi"),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"times": [[1, 1], [2, 1]]},
            r"entry 1: field 'times\[1\]' must be \[first chunk, last chunk\], found \[2, 1\]",
        ),
        ({"times": [[0.5, 1]]}, r"field 'times\[0\]'"),
        ({"times": [[-1, 1]]}, r"field 'times\[0\]'"),
        ({"times": []}, r"entry 1: field 'times' must be at least one moment"),
        ({"times": None}, r"entry 1: field 'times' is missing"),
        ({"description": 5}, r"entry 1: field 'description' must be str, found 5"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, ROW, {**ROW, "annotation_id": 9, **changes}))


def test_missing_files_unknown_options_nothing(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*val_data\.json' or '.*data/val_data\.json'"):
        read(tmp_path, split="val")
    with pytest.raises(CallerError, match="option spans='mean' is unknown; choices: all, consensus"):
        read(tmp_path, spans="mean")
    with pytest.raises(CallerError, match=r"didemo: no sample that can be used .*test_data\.json"):
        read(put(tmp_path))
