import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.locators import Box
from foveate.media.pieces import Limits, ReadOptions
from foveate.media.pool import DecoderPool
from tests.makers import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    chunk,
    corners,
    fault,
    found,
    near,
    pieces,
    png_header,
    probed,
    reading,
)


def pixels_of(path: Path, **options: int) -> np.ndarray:
    array = pieces(path, **options)[0].pixels
    assert array is not None and array.dtype == np.uint8 and array.shape[2] == 3
    return array


def quarters(array: np.ndarray) -> list[np.ndarray]:
    height, width = array.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return [array[row, column] for row in rows for column in columns]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tif"])
def test_every_format_gives_the_whole_picture_with_its_caption(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    corners().save(path, quality=95)
    (tmp_path / "a.txt").write_text("Four fields.\n")
    (piece,) = pieces(path)
    assert (piece.part, piece.text, piece.locator) == ("picture", "Four fields.", Box(x0=0, y0=0, x1=1, y1=1))
    assert piece.pixels is not None
    assert all(map(near, quarters(piece.pixels), (RED, GREEN, BLUE, WHITE)))
    assert probed(path).media.kind == "image"


@pytest.mark.parametrize(
    ("orientation", "wanted"),
    [
        (1, (RED, GREEN, BLUE, WHITE)),
        (2, (GREEN, RED, WHITE, BLUE)),
        (3, (WHITE, BLUE, GREEN, RED)),
        (4, (BLUE, WHITE, RED, GREEN)),
        (5, (RED, BLUE, GREEN, WHITE)),
        (6, (BLUE, RED, WHITE, GREEN)),
        (7, (WHITE, GREEN, BLUE, RED)),
        (8, (GREEN, WHITE, RED, BLUE)),
        (99, (RED, GREEN, BLUE, WHITE)),
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_orientation_turns_the_picture(
    tmp_path: Path, suffix: str, orientation: int, wanted: tuple[tuple[int, int, int], ...]
) -> None:
    if suffix == "tif" and orientation == 99:
        pytest.skip("Pillow does not write it")
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    corners().save(path, exif=exif, quality=95)
    array = pixels_of(path)
    assert array.shape[:2] == ((40, 20) if orientation in (5, 6, 7, 8) else (20, 40))
    assert all(map(near, quarters(array), wanted))


def test_alpha_is_flattened_on_white(tmp_path: Path) -> None:
    layer = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    layer.putpixel((0, 0), (255, 0, 0, 255))
    layer.putpixel((1, 0), (0, 0, 0, 128))
    for name in ("a.png", "a.webp"):
        layer.save(tmp_path / name, lossless=True)
        array = pixels_of(tmp_path / name)
        assert tuple(array[0, 0]) == RED and near(array[0, 1], (127, 127, 127), 2) and tuple(array[3, 3]) == WHITE
    Image.new("LA", (4, 4), (0, 0)).save(tmp_path / "la.png")
    assert pixels_of(tmp_path / "la.png").min() == 255


def test_palette_with_transparency(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "one.png", transparency=1)
    picture.save(tmp_path / "many.png", transparency=bytes([255, 0]))
    picture.save(tmp_path / "a.gif", transparency=1)
    for name in ("one.png", "many.png", "a.gif"):
        array = pixels_of(tmp_path / name)
        assert tuple(array[0, 0]) == RED and tuple(array[3, 3]) == WHITE


def test_grey_and_bilevel_transparency(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 7).save(tmp_path / "grey.png", transparency=7)
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "rgb.png", transparency=(1, 2, 3))
    Image.new("1", (4, 4), 1).save(tmp_path / "bits.png")
    for name in ("grey.png", "rgb.png", "bits.png"):
        assert pixels_of(tmp_path / name).min() == 255


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        grey = pixels_of(tmp_path / name)[..., 0].ravel()
        assert (grey[0], grey[128], grey[255]) == (0, 128, 255)
    Image.fromarray(ramp.astype(np.float32) / 65535).save(tmp_path / "float.tif")
    grey = pixels_of(tmp_path / "float.tif")[..., 0].ravel()
    assert (grey[0], grey[128], grey[255]) == (0, 128, 255)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    assert near(pixels_of(tmp_path / "a.jpg")[4, 4], RED) and near(pixels_of(tmp_path / "a.tif")[4, 4], RED)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_read_and_it_is_said(tmp_path: Path, suffix: str) -> None:
    first, *rest = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=rest, lossless=True)
    assert near(pixels_of(path)[8, 8], RED)
    assert probed(path).notes == ("animated: the first frame is read",)


def test_large_pictures_are_scaled_down_small_ones_left(tmp_path: Path) -> None:
    corners(1000, 500).save(tmp_path / "a.jpg", quality=95)
    corners(30, 10).save(tmp_path / "b.png")
    Image.new("RGB", (3000, 1), RED).save(tmp_path / "c.png")
    array = pixels_of(tmp_path / "a.jpg", picture_px=100)
    assert array.shape == (50, 100, 3) and all(map(near, quarters(array), (RED, GREEN, BLUE, WHITE)))
    assert pixels_of(tmp_path / "b.png", picture_px=100).shape == (10, 30, 3)
    assert pixels_of(tmp_path / "c.png", picture_px=100, tile_over_px=5000).shape == (1, 100, 3)


def test_a_large_picture_has_tiles_that_hang_on_it(tmp_path: Path) -> None:
    corners(1600, 800).save(tmp_path / "a.png")
    whole, *tiles = pieces(tmp_path / "a.png", picture_px=64)
    assert whole.part == "picture" and len(tiles) == 2
    for tile in tiles:
        assert (tile.part, tile.parent, tile.text) == ("tile", 0, None)
        assert tile.pixels is not None and max(tile.pixels.shape) == 64
    assert tiles[0].pixels is not None and near(tiles[0].pixels[5, 5], RED)
    assert tiles[1].pixels is not None and near(tiles[1].pixels[5, 60], GREEN)


def test_date_and_place(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2021:05:04 13:02:01", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 0.0)})
    corners().save(tmp_path / "a.jpg", exif=exif)
    media = probed(tmp_path / "a.jpg").media
    assert media.date == "2021-05-04T13:02:01+02:00"
    assert media.place == pytest.approx((-33.86, 151.2))


@pytest.mark.parametrize("stamp", ["0000:00:00 00:00:00", "yesterday", "2021:13:45 00:00:00", ""])
def test_a_date_that_is_none_is_left_out(tmp_path: Path, stamp: str) -> None:
    exif = Image.Exif()
    exif[0x0132] = stamp
    exif.get_ifd(0x8825).update({1: "N", 2: (400.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)})
    corners().save(tmp_path / "a.jpg", exif=exif)
    media = probed(tmp_path / "a.jpg").media
    assert (media.date, media.place) == (None, None)


def test_the_claim_of_231_million_pixels_is_refused_from_the_header(tmp_path: Path) -> None:
    for name, size in (("a", (21_000, 11_000)), ("b", (50_000, 50_000)), ("c", (8_001, 8_000))):
        (tmp_path / f"{name}.png").write_bytes(png_header(*size))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert fault(tmp_path / f"{name}.png") == "media_bomb"


def test_the_limit_counts_not_a_constant(tmp_path: Path) -> None:
    corners(40, 20).save(tmp_path / "a.png")
    assert fault(tmp_path / "a.png", Limits(pixels=799)) == "media_bomb"
    assert fault(tmp_path / "a.png", Limits(pixels=800)) == "none"


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (1_000_000_000, 0)])
def test_a_side_of_zero(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png_header(*size))
    assert fault(tmp_path / "a.png") == "media_broken"


def test_a_truncated_picture_is_broken(tmp_path: Path) -> None:
    corners(400, 300).save(tmp_path / "a.jpg")
    corners(400, 300).save(tmp_path / "a.png")
    for name in ("a.jpg", "a.png"):
        data = (tmp_path / name).read_bytes()
        for share in (0.5, 0.8, 0.98):
            (tmp_path / name).write_bytes(data[: int(len(data) * share)])
            assert fault(tmp_path / name) == "media_broken"


def test_a_png_full_of_text_is_refused(tmp_path: Path) -> None:
    bomb = chunk(b"zTXt", b"k\0\0" + __import__("zlib").compress(b"x" * 1_000_000, 9))
    data = png_header(1, 1)
    (tmp_path / "a.png").write_bytes(data[:33] + bomb * 100 + data[33:])
    assert fault(tmp_path / "a.png") == "media_broken"


def test_a_gif_of_many_frames_costs_one(tmp_path: Path) -> None:
    frames = [Image.new("L", (64, 64), shade) for shade in (0, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    data = (tmp_path / "a.gif").read_bytes()
    second = data.rindex(b"\x21\xf9")
    (tmp_path / "a.gif").write_bytes(data[:second] + data[second:-1] * 50_000 + b";")
    assert len(pieces(tmp_path / "a.gif")) == 1


def test_a_gif_with_a_huge_canvas(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.gif")
    data = bytearray((tmp_path / "a.gif").read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(bytes(data))
    assert fault(tmp_path / "a.gif") == "media_bomb"


def test_same_bytes_other_caption_are_two_media(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    assert probed(tmp_path / "a.png").media.id == probed(tmp_path / "b.png").media.id
    (tmp_path / "b.txt").write_text("a caption")
    assert probed(tmp_path / "a.png").media.id != probed(tmp_path / "b.png").media.id


def test_the_name_does_not_decide(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "b.md").write_bytes((tmp_path / "a.png").read_bytes())
    assert probed(tmp_path / "a.jpg").media.format == probed(tmp_path / "b.md").media.format == "png"


def test_text_read_off_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    from PIL import ImageDraw, ImageFont

    picture = Image.new("RGB", (640, 240), WHITE)
    draw = ImageDraw.Draw(picture)
    draw.text((40, 40), "Harbour closed", fill=(0, 0, 0), font=ImageFont.load_default(48))
    picture.save(tmp_path / "a.png")
    options = ReadOptions(ocr=True)
    with DecoderPool(Limits(), options) as pool:
        ((_, known),) = pool.probe_all([found(tmp_path / "a.png")])
        ((_, got),) = pool.read_all([(found(tmp_path / "a.png"), known, 0)])  # type: ignore[list-item]
    texts = [piece for piece in got.pieces if piece.part == "ocr"]  # type: ignore[union-attr]
    assert len(texts) == 1 and "arbour" in (texts[0].text or "") and texts[0].parent == 0
    box = texts[0].locator
    assert isinstance(box, Box) and box.x0 < 0.15 and box.y1 < 0.6


def test_reading_twice_gives_the_same_pixels(tmp_path: Path) -> None:
    corners(1300, 900).save(tmp_path / "a.jpg")
    one, two = reading(tmp_path / "a.jpg"), reading(tmp_path / "a.jpg")
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one.pieces, two.pieces, strict=True))  # type: ignore[arg-type]
