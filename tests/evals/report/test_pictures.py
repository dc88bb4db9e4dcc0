import base64
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from foveate.evals.report.pictures import THUMB_PX, Thumbnails, pictures_of
from foveate.evals.report.rows import SampleRow
from foveate.evals.report.run import read_run
from tests.evals.report.maker import line, make_run
from tests.makers import corners, png_header


def row(folder: Path, **more: object) -> SampleRow:
    return read_run(make_run(folder, {"plain": [line("a", **more)]})).tasks["plain"].rows[0]


def test_own_right_and_found_each_once(tmp_path: Path) -> None:
    found = pictures_of(
        row(
            tmp_path,
            sample={"images": ["q.png"], "relevant": {"d1": 1.0, "d2": 2.0, "not": 0.0}},
            output={"ranking": [["x", 0.9], ["d1", 0.8], ["unknown", 0.7], ["deep", 0.1]]},
            pictures={name: f"{name}.png" for name in ("x", "d1", "d2", "deep", "not")},
        )
    )
    assert [(item.path, item.role) for item in found] == [
        ("q.png", "asked about"), ("d2.png", "right"), ("d1.png", "right, found at 2"), ("x.png", "found at 1"),
    ]  # fmt: skip


def test_the_line_comes_before_the_resolver(tmp_path: Path) -> None:
    sample = row(tmp_path, sample={"relevant": {"a": 1.0, "b": 1.0}}, pictures={"a": "line.png"})
    found = pictures_of(sample, lambda name: f"resolved-{name}.png")
    assert [item.path for item in found] == ["line.png", "resolved-b.png"]
    assert [item.path for item in pictures_of(sample, lambda name: None)] == ["line.png"]


def test_options_say_which_was_right_and_which_chosen(tmp_path: Path) -> None:
    sample = {"image_options": ["a.png", "b.png", "c.png"], "choice": 1}
    found = pictures_of(row(tmp_path, sample=sample, output={"choice": 2}))
    assert [item.role for item in found] == ["option 1", "option 2, right", "option 3, chosen"]


def test_a_thumbnail_is_a_small_jpeg(tmp_path: Path) -> None:
    corners(800, 400).save(tmp_path / "a.png")
    uri = Thumbnails(root=tmp_path).uri("a.png")
    assert uri is not None and uri.startswith("data:image/jpeg;base64,")
    picture = Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert (picture.format, picture.size) == ("JPEG", (THUMB_PX, THUMB_PX // 2))
    assert uri == Thumbnails(root=tmp_path).uri(str(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["missing.png", "broken.png", "bomb.png", "words.txt", ".", "nul\0.png", "x" * 5000])
def test_what_cannot_be_shown_is_none(tmp_path: Path, name: str) -> None:
    corners().save(tmp_path / "whole.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    (tmp_path / "bomb.png").write_bytes(png_header(100_000, 100_000))
    (tmp_path / "words.txt").write_text("secret")
    assert Thumbnails(root=tmp_path).uri(name) is None


def test_the_budget_holds_and_counts_repeats(tmp_path: Path) -> None:
    corners(400, 300).save(tmp_path / "a.png")
    size = len(Thumbnails(root=tmp_path).uri("a.png") or "")
    thumbnails = Thumbnails(root=tmp_path, left_bytes=2 * size + 1)
    assert [thumbnails.uri("a.png") is not None for _ in range(3)] == [True, True, False]
    assert thumbnails.left_bytes == 1
