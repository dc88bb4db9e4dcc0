import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from foveate import models
from foveate.errors import ModelMissing
from foveate.retrievers.alignment.features import OPTION, SIGNALS
from foveate.retrievers.alignment.vectors import Aligner, alignment, regions
from foveate.retrievers.alignment.vocabulary import Vocabulary
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.protocols import Encoder
from tests.retrievers.alignment.making import COLOURS, QUESTION

RED = Image.new("RGB", (40, 20), COLOURS["red"])


@pytest.fixture(scope="module")
def mini() -> Encoder:
    try:
        models.path("mini")
    except ModelMissing:
        pytest.skip("model mini was not fetched")
    return load_encoder("mini")


def test_regions_are_tiles_and_the_centre() -> None:
    picture = Image.new("RGB", (40, 20))
    picture.paste(COLOURS["red"], (0, 0, 20, 10))
    picture.paste(COLOURS["blue"], (20, 10, 40, 20))
    whole, *parts = regions(picture)
    assert whole is picture and [part.size for part in parts] == [(20, 10)] * 5
    seen = [part.getpixel((0, 0)) for part in parts]
    assert seen == [COLOURS["red"], (0, 0, 0), (0, 0, 0), COLOURS["blue"], COLOURS["red"]]


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 1)])
def test_smallest_pictures_have_regions(size: tuple[int, int]) -> None:
    assert all(min(part.size) >= 1 for part in regions(Image.new("RGB", size)))


def test_products_sum_to_cosines() -> None:
    encoder = HashedEncoder()
    found = alignment(encoder, RED, QUESTION, ["red", "blue"])
    texts = encoder.encode_text(["colour", "a picture of red", "a picture of blue"])
    picture = encoder.encode_images([RED])[0]
    np.testing.assert_allclose(found.products().sum(axis=1), texts @ picture, atol=1e-6)
    np.testing.assert_allclose(found.region_products().sum(axis=2), np.tile(texts @ picture, (5, 1)), atol=1e-6)
    np.testing.assert_allclose(found.scalars[:, OPTION.index("cosine")], (texts @ picture)[1:], atol=1e-6)


def test_without_a_vocabulary_only_cosines_are_known() -> None:
    signals = alignment(HashedEncoder(), RED, QUESTION, ["red", "blue"]).signals()
    known = {name for name, value in signals.items() if not math.isnan(value)}
    assert known == {"picture_option_cosine", "picture_option_entropy"} and signals.keys() == SIGNALS.keys()
    best, other = sorted(alignment(HashedEncoder(), RED, QUESTION, ["red", "blue"]).scalars[:, 0], reverse=True)
    share = 1 / (1 + math.exp(-100 * float(best - other)))
    entropy = -(share * math.log(share) + (1 - share) * math.log(max(1 - share, 1e-12)))
    assert signals["picture_option_entropy"] == pytest.approx(entropy / math.log(2), abs=1e-5)


def test_without_a_picture_nothing_is_known() -> None:
    found = alignment(HashedEncoder(), None, QUESTION, ["red"])
    assert all(math.isnan(value) for value in found.signals().values())
    assert np.isnan(found.products()).all() and found.products().shape == (2, 64)
    assert np.isnan(found.region_products()).all()


def test_signals_of_mini(mini: Encoder) -> None:
    signals = alignment(mini, RED, QUESTION, ["red", "a dog", "Red "]).signals()
    assert all(math.isfinite(value) for value in signals.values())
    assert 0.0 <= signals["picture_option_entropy"] <= 1.0
    assert signals["picture_option_region_z"] > -10.0
    bare = alignment(mini, RED, "", []).signals()
    assert math.isfinite(bare["picture_subject_z"]) and math.isnan(bare["picture_option_z"])
    alone = alignment(mini, RED, QUESTION, ["red"]).signals()
    assert math.isnan(alone["picture_option_margin"]) and math.isnan(alone["picture_option_entropy"])
    assert alone["picture_option_z"] <= signals["picture_option_z"] + 1e-5


def test_deviations_by_hand(mini: Encoder) -> None:
    words = Vocabulary.of(mini)
    assert words is not None
    picture, texts = mini.encode_images([RED]), mini.encode_text(["red", "a dog"])
    usual = (words.rows.astype(np.float64) @ picture[0].astype(np.float64)).tolist()
    mean = sum(usual) / len(usual)
    sd = math.sqrt(sum((value - mean) ** 2 for value in usual) / len(usual))
    wanted = [(float(text.astype(np.float64) @ picture[0]) - mean) / sd for text in texts]
    np.testing.assert_allclose(words.z(picture, texts)[0], wanted, atol=2e-3)


def test_shares_by_hand(mini: Encoder) -> None:
    words = Vocabulary.of(mini)
    assert words is not None
    picture = mini.encode_images([RED])[0]
    standard = (words.rows.astype(np.float64) @ picture - words.mean) / words.sd
    # A word that is itself asked about has nearly its own deviation, so that its share is nearly the tagger's.
    at = int(standard.argmax())
    wanted = math.log(math.exp(standard[at]) / sum(math.exp(value) for value in standard))
    assert words.log_shares(picture, words.rows[at : at + 1])[0] == pytest.approx(wanted, abs=0.3)
    far = int(standard.argmin())
    assert words.log_shares(picture, words.rows[far : far + 1])[0] < wanted - 3.0


def test_tags_are_those_of_the_encoder(mini: Encoder) -> None:
    words = Vocabulary.of(mini)
    assert words is not None
    (said,) = mini.tag_images([RED], k=3)
    rows, shares = words.tags(mini.encode_images([RED])[0])
    assert shares.sum() == pytest.approx(1.0, abs=1e-5) and (np.diff(shares) <= 0).all()
    if said:
        np.testing.assert_allclose(mini.encode_text([said[0][0]])[0] @ rows[0], 1.0, atol=0.02)


@given(st.permutations(["red", "green", "dark blue", "None of these", "yes"]))
def test_order_moves_rows_and_nothing_else(options: list[str]) -> None:
    aligner = Aligner(HashedEncoder())
    look = aligner.look(RED)
    first, other = aligner.of(look, QUESTION, ["red", "green", "dark blue"]), aligner.of(look, QUESTION, options)
    assert set(other.options) == {"red", "green", "dark blue"}
    order = [first.options.index(option) for option in other.options]
    np.testing.assert_array_equal(first.texts[order], other.texts)
    np.testing.assert_allclose(first.scalars[order, 0], other.scalars[:, 0], atol=1e-6)


def test_one_option_less() -> None:
    found = alignment(HashedEncoder(), RED, QUESTION, ["red", "green", "blue"])
    same = alignment(HashedEncoder(), RED, QUESTION, ["red", "blue"])
    assert found.without(1).options == same.options
    np.testing.assert_array_equal(found.without(1).texts, same.texts)
