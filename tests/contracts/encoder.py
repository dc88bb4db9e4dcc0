"""What every encoder must do. Subclass ``EncoderContract`` and provide the fixture ``encoder``."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from foveate.retrievers.protocols import Encoder

TEXTS = (
    "a small red boat",
    "dog",
    "a long sentence about the harbour at dawn, with its cranes, its gulls and the first ferry of the day",
    "mountains under snow",
    "cup",
)


def picture(seed: int, size: tuple[int, int] = (80, 60)) -> Image.Image:
    """A drawing that depends on ``seed``."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(int(v) for v in rng.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = (int(rng.integers(0, length)) for length in size)
        shade = tuple(int(v) for v in rng.integers(0, 256, 3))
        draw.ellipse((x, y, x + 25, y + 25), fill=shade)
    return image


class EncoderContract:
    def test_is_named_and_has_a_fingerprint(self, encoder: Encoder) -> None:
        assert encoder.name and encoder.fingerprint and encoder.dim > 0

    def test_mean_of_pictures_is_one_vector_or_unknown(self, encoder: Encoder) -> None:
        mean = encoder.picture_mean
        # The mean of unit vectors lies inside the unit ball.
        assert mean is None or (mean.shape == (encoder.dim,) and 0.0 < float(np.linalg.norm(mean)) <= 1.0 + 1e-3)

    def test_rows_are_unit_float32_of_dim(self, encoder: Encoder) -> None:
        for rows, count in (
            (encoder.encode_text(TEXTS), len(TEXTS)),
            (encoder.encode_images([picture(i) for i in range(3)]), 3),
        ):
            assert rows.shape == (count, encoder.dim)
            assert rows.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)

    def test_empty_input_gives_no_rows(self, encoder: Encoder) -> None:
        assert encoder.encode_text([]).shape == (0, encoder.dim)
        assert encoder.encode_images([]).shape == (0, encoder.dim)
        assert encoder.tag_images([]) == []

    def test_text_rows_keep_order_and_ignore_the_batch(self, encoder: Encoder) -> None:
        together = encoder.encode_text(TEXTS)
        alone = np.concatenate([encoder.encode_text([text]) for text in TEXTS])
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert np.abs(together[0] - together[1]).max() > 1e-3
        np.testing.assert_allclose(encoder.encode_text(TEXTS[::-1])[::-1], together, atol=1e-5)

    def test_more_texts_than_a_batch_keep_order(self, encoder: Encoder) -> None:
        texts = [f"{'long ' * (i % 7)}note {i}" for i in range(150)]
        rows = encoder.encode_text(texts)
        for i in (0, 63, 64, 149):
            np.testing.assert_allclose(rows[i : i + 1], encoder.encode_text([texts[i]]), atol=1e-5)

    def test_picture_rows_keep_order_and_ignore_the_batch(self, encoder: Encoder) -> None:
        images = [picture(i, (40 + 30 * i, 90)) for i in range(4)]
        together = encoder.encode_images(images)
        alone = np.concatenate([encoder.encode_images([image]) for image in images])
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert np.abs(together[0] - together[1]).max() > 1e-3

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
    def test_any_mode_is_taken(self, encoder: Encoder, mode: str) -> None:
        grey = picture(1).convert("L")
        image = (
            grey.convert("I").convert("I;16") if mode == "I;16" else picture(1).convert(mode if mode != "F" else "L")
        )
        if mode == "F":
            image = grey.convert("F")
        assert np.isfinite(encoder.encode_images([image])).all()

    @pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
    def test_extreme_shapes_are_taken(self, encoder: Encoder, size: tuple[int, int]) -> None:
        assert encoder.encode_images([Image.new("RGB", size)]).shape == (1, encoder.dim)

    def test_alpha_lies_on_white(self, encoder: Encoder) -> None:
        clear = Image.new("RGBA", (64, 64), (10, 20, 30, 0))
        ImageDraw.Draw(clear).rectangle((10, 10, 40, 40), fill=(200, 30, 30, 255))
        white = Image.new("RGB", (64, 64), (255, 255, 255))
        ImageDraw.Draw(white).rectangle((10, 10, 40, 40), fill=(200, 30, 30))
        np.testing.assert_allclose(encoder.encode_images([clear]), encoder.encode_images([white]), atol=1e-5)

    def test_the_callers_picture_is_left_alone(self, encoder: Encoder) -> None:
        image = picture(3).convert("RGBA")
        before = image.tobytes()
        encoder.encode_images([image])
        assert image.mode == "RGBA" and image.tobytes() == before

    def test_tags_are_words_with_falling_probabilities(self, encoder: Encoder) -> None:
        for tags in encoder.tag_images([picture(0), picture(1)], k=4):
            shares = [share for _, share in tags]
            assert len(tags) <= 4 and all(word for word, _ in tags)
            assert shares == sorted(shares, reverse=True)
            assert all(0.0 <= share <= 1.0 for share in shares) and sum(shares) <= 1.0 + 1e-5
