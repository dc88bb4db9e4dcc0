from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError, MediaError
from foveate.locators import Box, CharSpan, PageBox, TimeSpan
from foveate.media.pieces import Limits
from foveate.media.render import crop
from tests.makers import BLUE, GREEN, RED, corners, film, near, pdf, pieces, png_header

WHOLE = Box(x0=0, y0=0, x1=1, y1=1)


def test_a_crop_is_the_very_array_the_encoder_got(tmp_path: Path) -> None:
    corners(1600, 900).save(tmp_path / "a.jpg", quality=90)
    corners(1100, 900).save(tmp_path / "b.jpg", quality=90)
    for name in ("a.jpg", "b.jpg"):
        for piece in pieces(tmp_path / name):
            assert piece.pixels is not None
            assert np.array_equal(np.asarray(crop(tmp_path / name, piece.locator, 512)), piece.pixels)


def test_a_crop_is_upright_and_carries_no_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)})
    corners(80, 40).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = crop(tmp_path / "a.jpg", Box(x0=0, y0=0, x1=0.5, y1=0.5), 512)
    assert picture.size == (20, 40) and near(np.asarray(picture)[10, 10], BLUE)
    assert picture.info == {} and not picture.getexif()


def test_a_page_is_drawn_with_its_box_marked(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[(72, 700, 12, "The red boat.")]]))
    plain = np.asarray(crop(tmp_path / "a.pdf", PageBox(page=1, x0=0, y0=0, x1=1, y1=1), 600))
    passage = pieces(tmp_path / "a.pdf")[1]
    marked = np.asarray(crop(tmp_path / "a.pdf", passage.locator, 600))
    assert plain.shape == marked.shape and max(marked.shape) == 600
    assert (np.ptp(plain.astype(int), axis=2) < 30).all()
    assert (marked[..., 0].astype(int) - marked[..., 1] > 100).any()
    with pytest.raises(MediaError, match="page 2 of 1"):
        crop(tmp_path / "a.pdf", PageBox(page=2, x0=0, y0=0, x1=1, y1=1), 600)


def test_of_a_film_the_frame_on_the_screen_is_shown(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", [RED, GREEN, BLUE], seconds_each=2.0)
    for at, wanted in ((0.0, RED), (1.9, RED), (2.0, GREEN), (3.3, GREEN), (4.5, BLUE), (99.0, BLUE)):
        picture = np.asarray(crop(tmp_path / "a.mp4", TimeSpan(start_s=at, end_s=at + 1), 32))
        assert picture.shape == (24, 32, 3) and near(picture[12, 5], wanted, 40)


@pytest.mark.parametrize(
    "locator", [CharSpan(start=0, end=1), PageBox(page=1, x0=0, y0=0, x1=1, y1=1), TimeSpan(start_s=0, end_s=1)]
)
def test_a_place_that_has_no_picture(tmp_path: Path, locator: CharSpan) -> None:
    corners().save(tmp_path / "a.png")
    with pytest.raises(CallerError, match="picture"):
        crop(tmp_path / "a.png", locator, 100)


def test_missing_hostile_and_limited_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="does not exist"):
        crop(tmp_path / "no.png", WHOLE, 100)
    (tmp_path / "bomb.png").write_bytes(png_header(50_000, 50_000))
    with pytest.raises(MediaError):
        crop(tmp_path / "bomb.png", WHOLE, 100)
    corners().save(tmp_path / "a.png")
    with pytest.raises(MediaError, match="limit"):
        crop(tmp_path / "a.png", WHOLE, 100, limits=Limits(pixels=10))
    with pytest.raises(CallerError, match="max_px"):
        crop(tmp_path / "a.png", WHOLE, 0)
    assert crop(tmp_path / "a.png", WHOLE, 100).size == (40, 20)
