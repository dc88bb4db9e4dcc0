from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from foveate.agent.showing import as_pixels, describe, in_words, part_of
from foveate.errors import MediaError
from foveate.records import Chunk
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.encoders.mini import MiniEncoder
from tests.contracts.reranker import result

SAMPLE = Path("examples/sample/pictures/animals/0002.jpg")


def red(chunk: Chunk) -> Image.Image:
    image = Image.new("RGB", (32, 32), (255, 255, 255))
    ImageDraw.Draw(image).rectangle((8, 8, 24, 24), fill=(255, 0, 0))
    return image


class Counted:
    """Counts how often pixels are asked for."""

    def __init__(self) -> None:
        self.looked = 0

    def __call__(self, chunk: Chunk) -> Image.Image:
        self.looked += 1
        if chunk.path.endswith("gone"):
            raise MediaError("not there any more")
        return red(chunk)


def test_text_speaks_for_itself_and_pictures_are_told() -> None:
    look = Counted()
    shown = in_words(look, HashedEncoder())([result("t", "a museum"), result("p", None, part="picture")])
    assert shown[0].text == "a museum" and not shown[0].images
    assert "red" in shown[1].text and not shown[1].images
    assert look.looked == 1


def test_what_was_told_is_remembered() -> None:
    look = Counted()
    present = in_words(look, HashedEncoder())
    pool = [result("p", None, part="picture"), result("q", None, part="picture")]
    assert present(pool) == present(pool[::-1])[::-1]
    assert look.looked == 2


def test_a_picture_that_went_away_is_said_to_be_gone() -> None:
    (shown,) = in_words(Counted(), HashedEncoder())([result("gone", None, part="picture")])
    assert shown.text == "a picture that cannot be opened"
    (seen,) = as_pixels(Counted())([result("gone", None, part="picture")])
    assert not seen.images


def test_models_that_see_get_the_pixels() -> None:
    text, picture = as_pixels(Counted())([result("t", "a museum"), result("p", "a red square", part="picture")])
    assert not text.images and picture.text == "a red square"
    (part,) = picture.images
    opened = Image.open(BytesIO(part.data))
    assert opened.getpixel((16, 16)) == (255, 0, 0) and part.mime == "image/png"


def test_pixels_survive() -> None:
    image = red(result("p", None, part="picture").chunk)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(part_of(image).data))), np.asarray(image))


@pytest.mark.parametrize("encoder", [HashedEncoder(), MiniEncoder()], ids=["hashed", "mini"])
def test_every_encoder_tells(encoder: HashedEncoder | MiniEncoder) -> None:
    (line,) = describe(encoder, [Image.open(SAMPLE)])
    assert line.split()[0] in ("surely", "perhaps", "unclear,")
