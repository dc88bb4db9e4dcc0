from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.gather import found, gather
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.samples import Document, Sample

INFO = DatasetInfo(name="demo", title="Demo", tasks=("vqa",), paper="Doe, 2026", licence="MIT", get="Nowhere.")


def test_what_was_read_becomes_a_dataset() -> None:
    dataset = gather(INFO, iter([Sample(id="a"), Sample(id="b")]), "dev.json", iter([Document(id="x")]))
    assert [sample.id for sample in dataset.samples] == ["a", "b"]
    assert [document.id for document in dataset.documents] == ["x"]
    assert (dataset.name, dataset.licence, dataset.source) == ("demo", "MIT", "Demo. Doe, 2026. dev.json")


def test_nothing_is_an_error() -> None:
    with pytest.raises(CallerError, match=r"demo: dev\.json holds no sample that can be used"):
        gather(INFO, [], "dev.json", [Document(id="x")])


def test_ids_occur_once() -> None:
    with pytest.raises(CallerError, match=r"demo: dev\.json: sample 'a' occurs twice"):
        gather(INFO, [Sample(id="a"), Sample(id="b"), Sample(id="a")], "dev.json")
    with pytest.raises(CallerError, match=r"demo: dev\.json: document 'x' occurs twice"):
        gather(INFO, [Sample(id="a")], "dev.json", [Document(id="x"), Document(id="x")])


def test_the_first_place_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dev.json").write_text("[]")
    assert found(tmp_path, "dev.json", "data/dev.json") == tmp_path / "data/dev.json"
    (tmp_path / "dev.json").write_text("[]")
    assert found(tmp_path, "dev.json", "data/dev.json") == tmp_path / "dev.json"
    with pytest.raises(CallerError, match=r"no file '.*/test\.json' or '.*/data/test\.json'"):
        found(tmp_path, "test.json", "data/test.json")
