"""Parts of pictures."""

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foveate.agent.visual.regions import crops, salient, steady
from foveate.locators import Box


def scene(left: int, top: int, width: int, height: int) -> Image.Image:
    """A red box on white, 240 x 240."""
    made = Image.new("RGB", (240, 240), "white")
    made.paste((200, 0, 0), (left, top, left + width, top + height))
    return made


def test_the_box_that_stands_out() -> None:
    assert salient(scene(60, 30, 120, 60)) == [Box(x0=0.25, y0=0.125, x1=0.75, y1=0.375)]


def test_two_boxes_largest_first() -> None:
    both = scene(10, 10, 50, 50)
    both.paste((0, 0, 200), (100, 100, 220, 220))
    found = salient(both)
    assert len(found) == 2 and (found[0].x1 - found[0].x0) > (found[1].x1 - found[1].x0)


def test_nothing_stands_out_of_a_plain_picture_or_of_one_that_is_all_subject() -> None:
    assert salient(Image.new("RGB", (100, 100), "white")) == []
    assert salient(scene(6, 6, 228, 228)) == []  # nearly all of it: the whole picture again


def test_crops_are_what_their_boxes_say() -> None:
    made = scene(120, 0, 120, 120)
    cut = {(box.x0, box.y0, box.x1, box.y1): crop for box, crop in crops(made)}
    quarter = cut[0.5, 0.0, 1.0, 0.5]
    assert quarter.size == (120, 120) and quarter.getcolors() == [(120 * 120, (200, 0, 0))]
    assert len(cut) == len(crops(made))  # no box twice


def test_tiny_pictures_have_no_parts() -> None:
    assert crops(Image.new("RGB", (1, 1))) == [] and crops(Image.new("RGB", (31, 400))) == []


def test_alpha_lies_on_white() -> None:
    assert steady(Image.new("RGBA", (2, 2), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)


@settings(max_examples=8, deadline=None)
@given(st.integers(32, 90), st.integers(32, 90), st.integers(0, 255))
def test_every_crop_has_pixels(width: int, height: int, level: int) -> None:
    made = Image.effect_noise((width, height), level).convert("RGB")
    assert all(min(crop.size) >= 1 for _, crop in crops(made))
