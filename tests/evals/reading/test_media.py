"""Media that data names: found under another ending, looked up once, missing ones by one of three policies."""

import logging
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.reading.media import Media
from tests.evals.published import film


def test_a_name_without_ending_is_found(tmp_path: Path) -> None:
    film(tmp_path / "b/clip.mkv")
    assert Media(tmp_path, kind="film").path("b/clip", "row 1") == str(tmp_path / "b/clip.mkv")


def test_an_ending_that_changed_on_the_way_is_found(tmp_path: Path) -> None:
    film(tmp_path / "x@N00_1.mp4")
    film(tmp_path / "y.mov.mp4")
    films = Media(tmp_path, kind="film")
    assert films.path("x@N00_1.avi", "row 1") == str(tmp_path / "x@N00_1.mp4")
    assert films.path("y.mov", "row 2") == str(tmp_path / "y.mov.mp4")


def test_the_name_as_written_comes_first(tmp_path: Path) -> None:
    film(tmp_path / "x.avi")
    film(tmp_path / "x.mp4")
    assert Media(tmp_path, kind="film").path("x.avi", "row 1") == str(tmp_path / "x.avi")


def test_a_dot_inside_a_name_is_no_ending(tmp_path: Path) -> None:
    film(tmp_path / "7dSA_27.1,71.9.mp4")
    assert Media(tmp_path, kind="film").path("7dSA_27.1,71.9", "row 1") == str(tmp_path / "7dSA_27.1,71.9.mp4")


def test_further_names(tmp_path: Path) -> None:
    film(tmp_path / "01/oven_01.JPEG")
    assert Media(tmp_path).path("oven_01", "row 1", ("01/oven_01",)) == str(tmp_path / "01/oven_01.JPEG")


def test_a_document_has_an_ending_of_its_own(tmp_path: Path) -> None:
    film(tmp_path / "a.pdf")
    film(tmp_path / "a.mp4")
    assert Media(tmp_path, kind="document").path("a", "row 1") == str(tmp_path / "a.pdf")


def test_each_file_is_looked_up_once_however_it_is_written(tmp_path: Path) -> None:
    film(tmp_path / "a.png")
    media = Media(tmp_path, "drop")
    media.path("a.png", "row 1")
    (tmp_path / "a.png").unlink()
    assert media.path("./b/../a.png", "row 2") == str(tmp_path / "a.png")


def test_files_that_are_needed_together(tmp_path: Path) -> None:
    film(tmp_path / "a.png")
    dropped, kept = Media(tmp_path, "drop"), Media(tmp_path, "keep")
    assert dropped.paths(("a.png", "a.png"), "row 1") == (str(tmp_path / "a.png"),) * 2
    assert dropped.paths(("a.png", "b.png"), "row 2") is None
    assert kept.paths(("a.png", "b.png"), "row 2") == (str(tmp_path / "a.png"), str(tmp_path / "b.png"))
    assert dropped.paths((), "row 3") == ()
    with pytest.raises(CallerError, match=r"row 4: no file '.*b\.png'"):
        Media(tmp_path).paths(("a.png", "b.png"), "row 4")


def test_a_missing_film_stops(tmp_path: Path) -> None:
    with pytest.raises(
        CallerError, match=r"row 7: no file '.*/a\.mp4', nor with another ending \(\.mp4, .*missing='keep'"
    ):
        Media(tmp_path, kind="film").path("a", "row 7")


def test_a_missing_film_may_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "b.mp4")
    films = Media(tmp_path, "drop", "film")
    assert films.path("a", "row 1") is None
    assert films.path("./a", "row 2") is None
    assert films.path("b", "row 3") == str(tmp_path / "b.mp4")
    with caplog.at_level(logging.WARNING):
        films.tell("demo")
    assert caplog.messages == ["demo: 1 of 2 media files are not on disk; left out"]


def test_a_missing_film_may_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    films = Media(tmp_path, "keep", "film")
    assert films.path("a", "row 1") == str(tmp_path / "a.mp4")
    assert films.path("b.avi", "row 1") == str(tmp_path / "b.avi")
    with caplog.at_level(logging.WARNING):
        films.tell("demo")
    assert caplog.messages == ["demo: 2 of 2 media files are not on disk; kept without media"]


def test_nothing_missing_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "a.mp4")
    films = Media(tmp_path, kind="film")
    films.path("a", "row 1")
    films.tell("demo")
    assert caplog.messages == []


@pytest.mark.parametrize("missing", ["raise", "drop", "keep"])
@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "", "C:x"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str, missing: str) -> None:
    with pytest.raises(CallerError, match=r"row 1: .* is not a file inside"):
        Media(tmp_path, missing, "film").path(name, "row 1")


def test_an_unknown_policy(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option missing='skip' is unknown; choices: drop, keep, raise"):
        Media(tmp_path, "skip", "film")
