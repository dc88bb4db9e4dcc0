"""Every reader says what it is, and what it says holds."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.table import DATASETS, dataset_info, read_dataset
from foveate.evals.tasks.table import TASKS


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_info(name: str) -> None:
    info = dataset_info(name)
    assert info.name == name
    assert info.tasks and set(info.tasks) <= set(TASKS)
    assert info.title and info.paper and info.licence and len(info.get) > 40
    parameters = inspect.signature(import_module(DATASETS[name]).read).parameters
    assert next(iter(parameters)) == "folder"
    own = {key: item for key, item in parameters.items() if key != "folder"}
    assert set(own) == set(info.options)
    assert all(item.kind is inspect.Parameter.KEYWORD_ONLY for item in own.values())
    assert all(item.default is not inspect.Parameter.empty for item in own.values())


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_an_empty_folder_is_the_callers_fault(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallerError):
        read_dataset(name, str(tmp_path), Path(), {})


def test_every_reader_is_in_the_table() -> None:
    folder = Path(import_module("foveate.evals.datasets").__path__[0])
    readers = {path.stem for path in folder.glob("*.py") if "\nINFO = " in path.read_text(encoding="utf-8")}
    assert readers == {module.rpartition(".")[2] for module in DATASETS.values()}
    assert list(DATASETS) == sorted(DATASETS)


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
