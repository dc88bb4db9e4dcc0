"""Every reader says what it is, and what it says holds."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.datasets.table import DATASETS, dataset_info
from foveate.evals.reading.media import MISSING
from foveate.evals.samples import Dataset
from foveate.evals.tasks.table import TASKS

OWN = {"overlap", "sample", "stamps"}
"""Sets of this project's own, which nobody has to get from a benchmark's site."""
BESIDE_READERS = {"__init__", "info", "stamps", "table"}


def reader(name: str) -> Callable[..., Dataset]:
    read: Callable[..., Dataset] = import_module(DATASETS[name]).read
    return read


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_the_record_is_whole(name: str) -> None:
    info = dataset_info(name)
    assert isinstance(info, DatasetInfo)
    assert info.name == name
    assert info.tasks and set(info.tasks) <= set(TASKS)
    assert all((info.title, info.paper, info.licence))
    assert len(info.get) > 40
    assert name in OWN or "http" in info.get or "arXiv" in info.get


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_option_is_explained_and_has_a_default(name: str) -> None:
    folder, *options = inspect.signature(reader(name)).parameters.values()
    assert folder.name == "folder"
    told = dataset_info(name).options
    assert {option.name for option in options} == set(told)
    assert told.get("missing", MISSING) == MISSING
    for option in options:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert type(option.default) in (str, int)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_folder_without_files_is_the_callers_fault(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file|no folder|holds no PNG"):
        reader(name)(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_holds_readers_and_every_reader_is_in_the_table() -> None:
    folder = Path(import_module("foveate.evals.datasets").__path__[0])
    modules = {path.stem for path in folder.glob("*.py")} - BESIDE_READERS
    assert modules == {module.rpartition(".")[2] for module in DATASETS.values()}
    assert list(DATASETS) == sorted(DATASETS)
