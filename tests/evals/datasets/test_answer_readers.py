"""What every reader of question-answering, unanswerability and film benchmarks owes."""

import importlib
import inspect
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo

READERS = (
    "cineaste didemo egoschema evqa hotpotqa infoseek longvideobench mf2 mlvu mm_upd mmlongbench_doc msr_vtt "
    "multimodalqa musique nextqa ok_vqa queryd two_wiki "
    "video_mme violin vizwiz vqa_v2 webqa"
).split()


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> object:
    return importlib.import_module(f"foveate.evals.datasets.{request.param}")


def test_it_says_what_it_is(reader: object) -> None:
    info = getattr(reader, "INFO")  # noqa: B009 - a module by name
    assert isinstance(info, DatasetInfo)
    assert getattr(reader, "__name__").endswith(f".{info.name}")  # noqa: B009
    assert all((info.title, info.tasks, info.paper, info.licence))
    assert "https://" in info.get or "arXiv" in info.get


def test_its_options_are_those_it_tells(reader: object) -> None:
    read, info = getattr(reader, "read"), getattr(reader, "INFO")  # noqa: B009
    folder, *options = inspect.signature(read).parameters.values()
    assert folder.name == "folder"
    assert {option.name for option in options} == set(info.options)
    for option in options:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert type(option.default) in (str, int)


def test_an_empty_folder_is_the_callers_fault(reader: object, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no file"):
        getattr(reader, "read")(tmp_path)  # noqa: B009
    assert list(tmp_path.iterdir()) == []
