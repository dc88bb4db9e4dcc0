from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.mf2 import read
from tests.evals.published import film, write_csv


def claim(movie: int, number: int, true: str, false: str, **more: Any) -> dict[str, Any]:
    row = {"movie_id": movie, "video": f"{movie}.mp4", "claim_id": number, "true_claim": true, "false_claim": false}
    return {**row, "granularity": "Multi ", "category": "Event/Entity, Causal", **more}


ROWS = [
    claim(1, 10, "The main concern is that all are safe.", "The main concern is the artifacts, of the village."),
    claim(1, 4, "The inn is full of refugees.", "The inn is full of refugees."),
    claim(5, 0, 'The town is named "Suddenly".', 'The town is named "Gradually".', granularity="Single"),
]


def put(folder: Path, *rows: dict[str, Any], name: str = "MF2_claims.csv") -> Path:
    write_csv(folder / name, rows, names=list(ROWS[0]))
    film(folder / "videos/1.mp4")
    film(folder / "videos/5.mp4")
    return folder


def test_every_field(tmp_path: Path) -> None:
    dataset = read(put(tmp_path, *ROWS))
    fact, fib = dataset.samples[:2]
    assert (fact.id, fib.id) == ("1/10/fact", "1/10/fib")
    assert (fact.text, fib.text) == (ROWS[0]["true_claim"], ROWS[0]["false_claim"])
    assert (fact.label, fib.label) == ("true", "false")
    assert fact.labels == ("true", "false")
    assert fact.films == fib.films == (str(tmp_path / "videos/1.mp4"),)
    assert fact.group == "1"
    assert fact.slices == {"granularity": "Multi", "category": "Event/Entity, Causal", "pair": "1/10"}
    assert dataset.samples[4].text == 'The town is named "Suddenly".'
    assert len(dataset.samples) == 6  # a pair of equal texts is published and kept


def test_the_earlier_release_below_data(tmp_path: Path) -> None:
    put(tmp_path, *ROWS, name="data/MF2_test.csv")
    assert len(read(tmp_path, release="test").samples) == 6


def test_missing_films(tmp_path: Path) -> None:
    (put(tmp_path, *ROWS) / "videos/5.mp4").unlink()
    with pytest.raises(CallerError, match=r"MF2_claims\.csv, line 4: no file '.*videos/5\.mp4'"):
        read(tmp_path)
    assert [sample.group for sample in read(tmp_path, missing="drop").samples] == ["1"] * 4
    assert len(read(tmp_path, missing="keep").samples) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"true_claim": ""}, r"MF2_claims\.csv, line 3: field 'true_claim' must be an id, found ''"),
        ({"movie_id": ""}, r"line 3: field 'movie_id'"),
        ({"video": "../5.mp4"}, r"line 3: '\.\./5\.mp4' is not a file inside"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read(put(tmp_path, ROWS[0], {**ROWS[2], **changes}))


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file '.*MF2_claims\.csv' or '.*data/MF2_claims\.csv'"):
        read(tmp_path)
    with pytest.raises(CallerError, match="option release='new' is unknown; choices: claims, test"):
        read(tmp_path, release="new")
    with pytest.raises(CallerError, match=r"mf2: no sample that can be used .*MF2_claims\.csv"):
        read(put(tmp_path))
    (tmp_path / "MF2_claims.csv").write_text("movie_id,video\n1,1.mp4\n")
    with pytest.raises(CallerError, match=r"line 2: field 'claim_id' is missing \(fields there: movie_id, video\)"):
        read(tmp_path)
