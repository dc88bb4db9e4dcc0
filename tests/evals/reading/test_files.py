"""Files that published data names: inside, there, the first of several, written once."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError, ServiceError
from foveate.evals.reading.files import found, inside, there, write_once

BAD = (
    "",
    ".",
    "..",
    "../a.png",
    "a/../../b.png",
    "/etc/passwd",
    "C:/a.png",
    "c:\\a.png",
    "a\\..\\b",
    "a\0.png",
    "a/..",
)


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_leaves_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(CallerError, match=r"x\.json, entry 3: ") as caught:
        inside(Path("/data"), name, "x.json, entry 3")
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.png", "/data/a.png"),
        ("./b/a.png", "/data/b/a.png"),
        ("b/../a.png", "/data/a.png"),
        ("..a.png", "/data/..a.png"),
    ],
)
def test_a_name_inside_becomes_a_plain_path(name: str, path: str) -> None:
    assert inside(Path("/data"), name, "here") == path


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "c.png"]), max_size=8).map("/".join))
def test_no_name_ever_leads_out(name: str) -> None:
    folder = Path("/data/set")
    try:
        found = inside(folder, name, "here")
    except CallerError:
        return
    assert os.path.realpath(found).startswith("/data/set/")


def test_there_names_who_needs_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert there(str(tmp_path / "a.png"), "x") == str(tmp_path / "a.png")
    with pytest.raises(CallerError, match=r"x\.json, entry 0: no file .*b\.png"):
        there(str(tmp_path / "b.png"), "x.json, entry 0")
    with pytest.raises(CallerError, match="no file"):
        there(str(tmp_path), "a folder is no file")


def test_the_first_place_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dev.json").write_text("[]")
    assert found(tmp_path, "dev.json", "data/dev.json") == tmp_path / "data/dev.json"
    (tmp_path / "dev.json").write_text("[]")
    assert found(tmp_path, "dev.json", "data/dev.json") == tmp_path / "dev.json"
    with pytest.raises(CallerError, match=r"no file '.*/test\.json' or '.*/data/test\.json'"):
        found(tmp_path, "test.json", "data/test.json")


def test_a_file_is_written_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/a.png"
    assert write_once(path, b"first") == str(path)
    assert write_once(path, b"second") == str(path)
    assert path.read_bytes() == b"first"
    assert [other.name for other in path.parent.iterdir()] == ["a.png"]


def test_what_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "crops").write_text("a file")
    with pytest.raises(ServiceError, match=r"crops/a\.png' cannot be written"):
        write_once(tmp_path / "crops/a.png", b"data")
