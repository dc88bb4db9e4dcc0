"""What every reader of retrieval, matching, negation, phrases and captions says of itself."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.tasks.table import TASKS

NAMES = (
    "aro",
    "circo",
    "cirr",
    "coco",
    "fashioniq",
    "flickr30k",
    "hierarcaps",
    "long_captions",
    "mixbench",
    "negbench",
    "pic",
    "sugarcrepe",
    "winoground",
)


def module(name: str) -> Any:
    return import_module(f"foveate.evals.datasets.{name}")


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_whole(name: str) -> None:
    info = module(name).INFO
    assert isinstance(info, DatasetInfo) and info.name == name
    assert info.licence and info.paper and info.title
    assert set(info.tasks) <= set(TASKS)
    assert "http" in info.get and "FOLDER holds" in info.get and info.get.count("\n") >= 2


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_explained_and_has_a_default(name: str) -> None:
    folder, *options = inspect.signature(module(name).read).parameters.values()
    assert folder.name == "folder"
    assert {option.name for option in options} == set(module(name).INFO.options)
    for option in options:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert isinstance(option.default, str | int)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_without_files_is_the_callers_fault(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file|no folder"):
        module(name).read(tmp_path)
    assert list(tmp_path.iterdir()) == []
