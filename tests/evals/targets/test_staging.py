"""Documents laid out as files: without what lies beside them, and found again."""

from pathlib import Path

import pytest
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.samples import Dataset, Document
from foveate.evals.targets.staging import stage
from foveate.locators import Box, CharSpan, TimeSpan

WHOLE = Box(x0=0, y0=0, x1=1, y1=1)


def dataset(*documents: Document) -> Dataset:
    return Dataset(name="d", samples=(), documents=documents)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "heron.PNG"
    path.parent.mkdir()
    Image.new("RGB", (9, 9), (1, 2, 3)).save(path, format="PNG")
    path.with_suffix(".txt").write_text("A heron, which must stay hidden.")
    return path


def test_a_bare_picture_comes_without_its_caption(tmp_path: Path, picture: Path) -> None:
    staged = stage(dataset(Document(id="p", image=str(picture))), tmp_path / "s")
    (path,) = staged.by_path
    assert Path(path).read_bytes() == picture.read_bytes()
    assert [item.name for item in (tmp_path / "s").iterdir()] == ["0.png"]
    assert staged.roots == (tmp_path / "s",)
    assert [d.id for d in staged.documents([path], WHOLE)] == ["p"]


def test_a_picture_with_text_gets_it_as_caption(tmp_path: Path, picture: Path) -> None:
    stage(dataset(Document(id="p", image=str(picture), text="grey bird")), tmp_path / "s")
    assert (tmp_path / "s" / "0.txt").read_text() == "grey bird"


def test_texts_and_titles(tmp_path: Path) -> None:
    staged = stage(dataset(Document(id="t", text="It rains.", title="Weather")), tmp_path / "s")
    (path,) = staged.by_path
    assert Path(path).read_text() == "Weather\n\nIt rains."


def test_again_changes_nothing(tmp_path: Path, picture: Path) -> None:
    documents = dataset(Document(id="t", text="It rains."), Document(id="p", image=str(picture)))
    stage(documents, tmp_path / "s")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").iterdir()}
    stage(documents, tmp_path / "s")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "s").iterdir()} == before


def test_files_stay_where_they_are(tmp_path: Path, picture: Path) -> None:
    staged = stage(dataset(Document(id="f", file=str(picture))), tmp_path / "s")
    assert staged.roots == (picture,)
    assert [d.id for d in staged.documents([str(picture)], WHOLE)] == ["f"]


def test_moments_of_one_film(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"")
    staged = stage(
        dataset(
            Document(id="first", film=str(film), span=(0.0, 5.0)),
            Document(id="second", film=str(film), span=(5.0, 10.0)),
            Document(id="whole", film=str(film)),
        ),
        tmp_path / "s",
    )

    def at(start: float, end: float) -> list[str]:
        return [d.id for d in staged.documents([str(film)], TimeSpan(start_s=start, end_s=end))]

    assert at(1, 2) == ["first", "whole"]
    assert at(4, 6) == ["first", "second", "whole"]
    assert at(5, 6) == ["second", "whole"]
    assert [d.id for d in staged.documents([str(film)], CharSpan(start=0, end=3))] == ["whole"]
    assert staged.roots == (film,)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    for document in (
        Document(id="gone", image=str(tmp_path / "no.png")),
        Document(id="gone", file=str(tmp_path / "no.pdf")),
        Document(id="gone", text="  "),
    ):
        with pytest.raises(CallerError, match="'gone'"):
            stage(dataset(document), tmp_path / "s")
