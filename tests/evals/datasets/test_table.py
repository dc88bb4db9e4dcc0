"""Datasets by name: what is refused, and where folders are looked for."""

from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import winoground
from foveate.evals.datasets.table import read_dataset
from foveate.evals.samples import Dataset, Document, Sample


def test_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="did you mean 'cirr'"):
        read_dataset("cir", None, Path(), {})
    with pytest.raises(CallerError, match="has no option 'splits'; it has: split"):
        read_dataset("cirr", str(tmp_path), Path(), {"splits": "val"})
    with pytest.raises(CallerError, match=r"needs `folder:`\..*"):
        read_dataset("cirr", None, Path(), {})
    with pytest.raises(CallerError, match="no folder"):
        read_dataset("cirr", "nowhere", tmp_path, {})


def test_folders_start_from_the_suite(tmp_path: Path) -> None:
    """A relative folder is looked for beside the suite first."""
    (tmp_path / "data").mkdir()
    with pytest.raises(CallerError) as caught:
        read_dataset("winoground", "data", tmp_path, {})
    assert "no folder" not in str(caught.value)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset(name="own", samples=()), "own: no sample that can be used"),
        (Dataset(name="own", samples=(Sample(id="1"), Sample(id="1"))), "own: two samples have the id '1'"),
        (
            Dataset(name="own", samples=(Sample(id="1"),), documents=(Document(id="a"), Document(id="a"))),
            "own: two documents have the id 'a'",
        ),
    ],
)
def test_what_a_reader_gives_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: Dataset, message: str
) -> None:
    monkeypatch.setattr(winoground, "read", lambda folder: dataset)
    with pytest.raises(CallerError, match=message):
        read_dataset("winoground", str(tmp_path), Path(), {})
