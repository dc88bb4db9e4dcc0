"""Paths that published data names: inside, there, looked up once."""

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.datasets.media import Media, inside, there

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


def test_missing_files_raise_or_are_counted_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(CallerError, match=r"row 1: no file .*b\.png"):
        Media(tmp_path).path("b.png", "row 1")
    media = Media(tmp_path, "drop")
    assert media.path("a.png", "row 1") == str(tmp_path / "a.png")
    assert media.path("b.png", "row 2") is None
    assert media.paths(("a.png", "./b.png"), "row 3") is None
    assert media.paths(("a.png", "a.png"), "row 4") == (str(tmp_path / "a.png"),) * 2
    assert media.absent == 1
    with caplog.at_level(logging.WARNING):
        media.tell("set")
    assert caplog.messages == ["set: 1 of 2 media files are not on disk; left out"]


def test_dropping_does_not_excuse_a_name_that_leaves(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="not a file inside"):
        Media(tmp_path, "drop").path("../b.png", "row 1")


def test_nothing_is_told_when_all_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").touch()
    media = Media(tmp_path, "drop")
    media.path("a.png", "row 1")
    media.tell("set")
    assert caplog.messages == []


def test_each_file_is_looked_up_once(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    media = Media(tmp_path)
    media.path("a.png", "row 1")
    (tmp_path / "a.png").unlink()
    assert media.path("a.png", "row 2") is not None


def test_an_unknown_policy_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="missing='skip' is unknown; choices: drop, raise"):
        Media(tmp_path, "skip")
