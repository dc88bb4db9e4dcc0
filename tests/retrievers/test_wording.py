from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from foveate.errors import ModelError
from foveate.retrievers.encoders.colours import colour_names
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.encoders.wording import WORDS, Neighbours, wording

EYE = np.eye(4, dtype=np.float32)


def plain(colour: tuple[int, int, int], background: tuple[int, int, int] | None = None) -> Image.Image:
    image = Image.new("RGB", (32, 32), background or colour)
    if background:
        ImageDraw.Draw(image).rectangle((8, 8, 24, 24), fill=colour)
    return image


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"),
        ((0, 0, 255), "blue"),
        ((255, 255, 0), "yellow"),
        ((0, 128, 0), "green"),
        ((139, 69, 19), "brown"),
        ((255, 165, 0), "orange"),
        ((0, 0, 0), "black"),
        ((128, 0, 128), "purple"),
    ],
)
def test_css_colours_have_their_names(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_names([plain(rgb, background=(255, 255, 255))]) == [[name]]


def test_a_plain_background_is_not_counted_whatever_its_colour() -> None:
    assert colour_names([plain((255, 0, 0), background=(0, 0, 255))]) == [["red"]]
    assert colour_names([plain((255, 0, 0))]) == [[]]


def test_alpha_is_background() -> None:
    image = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((10, 10, 50, 50), fill=(255, 165, 0, 255))
    assert colour_names([image]) == [["orange"]]


def test_the_largest_colour_comes_first() -> None:
    image = Image.new("RGB", (64, 64), (255, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 63, 20), fill=(0, 0, 255))
    assert colour_names([image]) == [["red", "blue"]]
    assert colour_names([image], most=1) == [["red"]]


def near(levels: tuple[float, float] = (0.3, 0.9)) -> Neighbours:
    tensors = {
        "mean": np.zeros(4, np.float32),
        "projection": EYE,
        "rows": EYE[:3],
        "levels": np.array(levels, np.float32),
    }
    return Neighbours(tensors=tensors, words=(("cat", "pet"), ("dog", "pet"), ("sun",)))


def test_the_nearest_has_the_most_say() -> None:
    (said,) = near().alike(np.array([[1.0, 0.05, 0.0, 0.0]], np.float32))
    assert said.startswith("very like cat, pet")


def test_how_much_alike_is_said() -> None:
    far = np.array([[0.2, 0.0, 0.0, 1.0]], np.float32)
    assert near().alike(far)[0].startswith("a bit like cat")
    assert near((0.1, 0.9)).alike(far)[0].startswith("like cat")


def test_neighbours_that_are_left_out_say_nothing() -> None:
    left = np.array([[True, False, True]])
    (said,) = near().alike(EYE[:1], left)
    assert "like dog, pet" in said and "cat" not in said.split(",")[0]


def test_kept_as_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "words.safetensors"
    near().save(path)
    back = Neighbours.load(path)
    assert back.words == near().words
    np.testing.assert_allclose(back.tensors["rows"], EYE[:3], atol=1e-2)
    assert back.alike(EYE[:3]) == near().alike(EYE[:3])


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.safetensors").write_bytes(b"no such thing")
    with pytest.raises(ModelError, match=r"'words.safetensors' holds no neighbours"):
        Neighbours.load(tmp_path / "words.safetensors")


def test_a_line_of_words() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.02], [0.05, 0.01, 0.01]], np.float32)
    images = [plain((255, 0, 0), background=(255, 255, 255))] * 3
    lines = wording(shares, ("cat", "dog", "sun"), ["like cat", "", "a bit like sun"], images)
    assert lines == [
        "surely cat, dog, sun; like cat; red",
        "perhaps cat, dog; red",
        "unclear, cat; a bit like sun; red",
    ]


def test_what_ships_names_no_picture_and_says_something_of_a_real_one() -> None:
    encoder = MiniEncoder()
    picture = Path("examples/sample/pictures/animals")
    lines = encoder.describe_images([Image.open(path) for path in sorted(picture.glob("*.png"))[:4]])
    assert len(lines) == 4 and all("like " in line and ";" in line for line in lines)
    assert encoder.describe_images([]) == []
    shipped = Neighbours.load()
    assert len(shipped.words) == len(shipped.tensors["rows"]) > 10_000
    assert WORDS.stat().st_size < 4_000_000
