import logging
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.named import Named
from tests.evals.datasets.published import film


def test_a_name_without_ending_is_found(tmp_path: Path) -> None:
    film(tmp_path / "b/clip.mkv")
    assert Named(tmp_path, "film").path("b/clip", "row 1") == str(tmp_path / "b/clip.mkv")


def test_an_ending_that_changed_on_the_way_is_found(tmp_path: Path) -> None:
    film(tmp_path / "x@N00_1.mp4")
    film(tmp_path / "y.mov.mp4")
    films = Named(tmp_path, "film")
    assert films.path("x@N00_1.avi", "row 1") == str(tmp_path / "x@N00_1.mp4")
    assert films.path("y.mov", "row 2") == str(tmp_path / "y.mov.mp4")


def test_the_name_as_written_comes_first(tmp_path: Path) -> None:
    film(tmp_path / "x.avi")
    film(tmp_path / "x.mp4")
    assert Named(tmp_path, "film").path("x.avi", "row 1") == str(tmp_path / "x.avi")


def test_a_dot_inside_a_name_is_no_ending(tmp_path: Path) -> None:
    film(tmp_path / "7dSA_27.1,71.9.mp4")
    assert Named(tmp_path, "film").path("7dSA_27.1,71.9", "row 1") == str(tmp_path / "7dSA_27.1,71.9.mp4")


def test_further_names(tmp_path: Path) -> None:
    film(tmp_path / "01/oven_01.JPEG")
    assert Named(tmp_path, "picture").path("oven_01", "row 1", ("01/oven_01",)) == str(tmp_path / "01/oven_01.JPEG")


def test_a_missing_film_stops(tmp_path: Path) -> None:
    with pytest.raises(
        CallerError, match=r"row 7: no file '.*/a\.mp4', nor with another ending \(\.mp4, .*missing='keep'"
    ):
        Named(tmp_path, "film").path("a", "row 7")


def test_a_missing_film_may_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "b.mp4")
    films = Named(tmp_path, "film", "drop")
    assert films.path("a", "row 1") is None
    assert films.path("a", "row 2") is None
    assert films.path("b", "row 3") == str(tmp_path / "b.mp4")
    with caplog.at_level(logging.WARNING):
        films.tell("demo")
    assert caplog.messages == ["demo: 1 of 2 media files are not on disk; left out"]


def test_a_missing_film_may_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    films = Named(tmp_path, "film", "keep")
    assert films.path("a", "row 1") == str(tmp_path / "a.mp4")
    assert films.path("b.avi", "row 1") == str(tmp_path / "b.avi")
    with caplog.at_level(logging.WARNING):
        films.tell("demo")
    assert caplog.messages == ["demo: 2 of 2 media files are not on disk; kept without media"]


def test_nothing_missing_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "a.mp4")
    films = Named(tmp_path, "film")
    films.path("a", "row 1")
    films.tell("demo")
    assert caplog.messages == []


@pytest.mark.parametrize("missing", ["raise", "drop", "keep"])
@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "", "C:x"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str, missing: str) -> None:
    with pytest.raises(CallerError, match=r"row 1: .* is not a file inside"):
        Named(tmp_path, "film", missing).path(name, "row 1")


def test_an_unknown_policy(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option missing='skip' is unknown; choices: drop, keep, raise"):
        Named(tmp_path, "film", "skip")
