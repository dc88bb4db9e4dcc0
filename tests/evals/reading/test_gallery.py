"""The gallery of composed retrieval."""

from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.reading.gallery import Gallery
from foveate.evals.reading.media import Media
from foveate.evals.samples import Document
from tests.evals.published import draw

NAMES = [("a", "a.png", "row 1"), ("b", "b.png", "row 2"), ("c", "c.png", "row 3")]


def test_the_reference_is_ranked_or_not(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png", "c.png")
    within = Gallery(Media(tmp_path), NAMES, pool="x")
    assert within.documents[0] == Document(id="a", image=str(tmp_path / "a.png"), pool="x")
    assert within.candidates("b") == ()
    assert Gallery(Media(tmp_path), NAMES, "out").candidates("b") == ("a", "c")
    assert Gallery(Media(tmp_path), NAMES, "out").candidates("elsewhere") == ("a", "b", "c")


def test_missing_pictures_are_not_in_it(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "c.png")
    with pytest.raises(CallerError, match=r"row 2: no file .*b\.png"):
        Gallery(Media(tmp_path), NAMES)
    kept = Gallery(Media(tmp_path, "drop"), NAMES, "out")
    assert [document.id for document in kept.documents] == ["a", "c"]
    assert kept.candidates("a") == ("c",)


def test_unknown_values_name_the_choices(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option reference='no' is unknown; choices: in, out"):
        Gallery(Media(tmp_path), [], "no")
