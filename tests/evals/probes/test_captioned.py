from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError, MediaError
from foveate.evals.probes.captioned import open_picture, read_captioned, short_name, thinned
from foveate.media.pieces import Limits
from tests.makers import png_header


def add(folder: Path, name: str, caption: str | None) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (8, 6), (200, 0, 0, 128)).save(path)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption)
    return path


def test_folder_with_sidecars(tmp_path: Path) -> None:
    add(tmp_path, "b/heron.png", "A heron.\nde.utf8=Ein Reiher.\n")
    add(tmp_path, "a.png", "A long caption of six words.\nMore.")
    add(tmp_path, "bare.png", None)
    add(tmp_path, "foreign.png", "de.utf8=Ein Haus.\n")
    found = read_captioned(tmp_path)
    assert [(one.id, one.caption, one.name) for one in found] == [
        ("a.png", "A long caption of six words.", None),
        ("b/heron.png", "A heron.", "heron"),
    ]


def test_tsv(tmp_path: Path) -> None:
    add(tmp_path, "x.png", None)
    add(tmp_path, "y.png", None)
    (tmp_path / "t.tsv").write_text("picture\tcaption\tname\nx.png\tA brown harp with carvings\tharp\ny.png\tA cup\t\n")
    assert [one.name for one in read_captioned(tmp_path / "t.tsv")] == ["harp", "cup"]
    (tmp_path / "t.tsv").write_text("picture\tcaption\nx.png\tA\nx.png\tB\n")
    with pytest.raises(CallerError, match=r"t\.tsv, line 3: picture 'x.png' is there twice"):
        read_captioned(tmp_path / "t.tsv")
    (tmp_path / "t.tsv").write_text("picture\tcaption\nz.png\tA\n")
    with pytest.raises(CallerError, match=r"'z\.png' does not exist"):
        read_captioned(tmp_path / "t.tsv")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no folder or TSV"):
        read_captioned(tmp_path / "absent")
    with pytest.raises(CallerError, match=r"no picture with a \.txt"):
        read_captioned(tmp_path)


def test_pictures_keep_alpha_and_tell_their_size(tmp_path: Path) -> None:
    image = open_picture(add(tmp_path, "a.png", None), longest_px=4)
    assert image.mode == "RGBA" and image.size == (4, 3) and image.info["size"] == (8, 6)
    assert np.asarray(image)[0, 0].tolist() == pytest.approx([200, 0, 0, 128], abs=1)  # scaled with alpha


def test_pictures_stand_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (8, 6), (0, 0, 255))
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg").size == (6, 8)


def test_hostile_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(50_000, 50_000))
    with pytest.raises(MediaError, match="limit"):
        open_picture(tmp_path / "bomb.png")
    with pytest.raises(MediaError, match="limit"):
        open_picture(add(tmp_path, "a.png", None), limits=Limits(pixels=10))
    (tmp_path / "text.png").write_text("no picture at all, only words")
    with pytest.raises((CallerError, MediaError)):
        open_picture(tmp_path / "text.png")
    with pytest.raises(CallerError, match="does not exist"):
        open_picture(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("caption", "name"),
    [("A heron.", "heron"), ("French horn", "french horn"), ("A cup on a table", None), ("", None), ("the", "the")],
)
def test_short_names(caption: str, name: str | None) -> None:
    assert short_name(caption) == name


def test_thinning_is_drawn_and_ordered(tmp_path: Path) -> None:
    for i in range(9):
        add(tmp_path, f"{i}.png", "A cup")
    items = read_captioned(tmp_path)
    some = thinned(items, 4, seed=1)
    assert len(some) == 4 and list(some) == sorted(some, key=lambda one: one.id)
    assert some == thinned(items, 4, seed=1) and thinned(items, None) == thinned(items, 99) == items
    with pytest.raises(CallerError, match="at least 1"):
        thinned(items, 0)
