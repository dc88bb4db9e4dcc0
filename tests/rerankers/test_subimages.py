"""Composed vectors by hand, drawn pictures with the weightless encoder, pasted ones with the real one."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError, ModelMissing
from foveate.ids import digest
from foveate.records import Chunk
from foveate.rerankers.subimages import SubimageReranker, compose, grid
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.encoders.mini import MiniEncoder
from tests.contracts.reranker import RerankerContract, rerank, result
from tests.makers import corners

ENCODER = HashedEncoder()
PICTURES = Path(__file__).parents[2] / "examples" / "sample" / "pictures"
X, Y, Z = np.eye(3, dtype=np.float32)


class TestContract(RerankerContract):
    question = "a red ship on a green sea"

    @pytest.fixture
    def reranker(self) -> SubimageReranker:
        def cut(chunk: Chunk) -> Sequence[Image.Image]:
            return grid(corners()) if chunk.part in ("picture", "tile", "frame") else []

        return SubimageReranker(ENCODER.encode_text, ENCODER.encode_images, cut)


def test_composed_by_hand() -> None:
    words = {"subject": X, "object": Y, "action": np.array([0.6, 0.8, 0.0], np.float32)}
    found = compose(Z, np.stack([X, Y]), words)  # type: ignore[arg-type]
    # The action's picture is (X + Y)/sqrt 2, its cosine 1.4/sqrt 2 = 0.98995; weights are 1, 1, 0.98995 over their sum.
    total = 2 + 1.4 / np.sqrt(2)
    side = 1 / total + 0.7 / total
    assert found == pytest.approx(np.array([side, side, 1.0]) / np.sqrt(2 * side**2 + 1), abs=1e-6)


def test_each_word_finds_its_own() -> None:
    # The subject's sub-image fits at 0.6 and 0.8: the second is taken, at weight 1.
    subs = np.array([[0.8, 0.6, 0.0], [0.6, 0.8, 0.0]], np.float32)
    assert compose(Z, subs, {"subject": Y}) == pytest.approx(np.array([0.6, 0.8, 1.0]) / np.sqrt(2), abs=1e-6)


def test_an_action_without_an_object_looks_at_the_whole() -> None:
    found = compose(Z, np.stack([X, Y]), {"subject": X, "action": Z})
    assert found == pytest.approx(np.array([0.5, 0.0, 1.5]) / np.sqrt(2.5), abs=1e-6)


def test_nothing_to_compose_leaves_the_whole() -> None:
    none = np.zeros((0, 3), np.float32)
    assert compose(Z, none, {"subject": X}) is Z
    assert compose(Z, np.stack([X]), {}) is Z
    assert compose(Z, np.stack([X, Y]), {"subject": -Z}) is Z
    assert compose(Z, np.stack([-X]), {"subject": X}) is Z


def test_grid() -> None:
    image = corners(40, 20)
    pieces = grid(image, (2,))
    assert [piece.size for piece in pieces] == [(40, 20)] + [(20, 10)] * 4
    assert [piece.getpixel((0, 0)) for piece in pieces[1:]] == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    assert len(grid(image)) == 14
    assert sum(piece.width for piece in grid(Image.new("RGB", (7, 9)), (3,))[1:4]) == 7
    assert [piece.size for piece in grid(Image.new("RGB", (1, 1)))] == [(1, 1), (1, 1), (1, 1)]
    with pytest.raises(CallerError, match="sizes holds 1"):
        grid(image, (1,))


def squares(**shades: float) -> Image.Image:
    """Two squares in grey: left and right, each of some colour."""
    image = Image.new("RGB", (80, 80), (128, 128, 128))
    for place, name in enumerate(shades):
        image.paste(Image.new("RGB", (20, 20), name), (10 + 40 * place, 10))
    return image


def test_small_parts_count() -> None:
    """Red is a sixteenth of the picture: the whole's vector is grey, the composed one is not."""
    images = {"both": squares(red=1, green=1), "green": squares(green=1), "none": squares()}
    reranker = SubimageReranker(
        ENCODER.encode_text,
        ENCODER.encode_images,
        lambda chunk: grid(next(one for name, one in images.items() if digest(name) == chunk.id), (4,)),
    )
    hits = rerank(reranker, "red on green", [result(name, None, part="picture") for name in images])
    assert [hit.chunk_id for hit in hits] == [digest(name) for name in ("both", "green", "none")]
    scores = [hit.score for hit in hits]
    whole = [float(row @ ENCODER.encode_text(["red on green"])[0]) for row in ENCODER.encode_images([*images.values()])]
    assert 2 * scores[0] - 1 > whole[0] and 2 * (scores[0] - scores[2]) > whole[0] - whole[2]


def test_what_has_no_picture_follows_in_the_first_stage_s_order() -> None:
    def cut(chunk: Chunk) -> Sequence[Image.Image]:
        return grid(corners()) if chunk.part == "picture" else []

    pool = [result("low", "red", score=0.1), result("high", "red", score=0.8), result("seen", None, part="picture")]
    reranker = SubimageReranker(ENCODER.encode_text, ENCODER.encode_images, cut)
    hits = rerank(reranker, "red on green", pool)
    assert [hit.chunk_id for hit in hits] == [digest("seen"), digest("high"), digest("low")]
    assert hits[0].score > 0.5 and hits[1].score < 0.0
    assert all(hit.score < 0.0 for hit in rerank(reranker, " ", pool))


def pasted(names: Sequence[str]) -> Image.Image:
    """Sample drawings side by side on white."""
    board = Image.new("RGB", (224 * len(names), 224), "white")
    for place, name in enumerate(names):
        drawing = Image.open(PICTURES / name).convert("RGBA")
        drawing.thumbnail((200, 200))
        board.paste(drawing, (224 * place + 12, 12), drawing)
    return board


THINGS = {
    "elephant": "animals/0036.png",
    "frog": "animals/0041.png",
    "pineapple": "food/0023.png",
    "guitar": "music/0005.png",
    "umbrella": "home/0005.png",
    "hamburger": "food/0025.png",
}


def test_two_things_are_told_from_one() -> None:
    """The real encoder: right far above chance (1/4). That wholes do as well is said where the class is documented."""
    try:
        mini = MiniEncoder()
    except ModelMissing as error:
        pytest.skip(str(error))
    chance = random.Random(0)
    right = 0
    for _ in range(8):
        a, b, c, d = chance.sample(sorted(THINGS), 4)
        boards = {"both": (a, b), "first": (a, c), "second": (d, b), "none": (c, d)}
        by_id = {digest(name): pasted([THINGS[one] for one in pair]) for name, pair in boards.items()}
        reranker = SubimageReranker(
            mini.encode_text, mini.encode_images, lambda chunk, by_id=by_id: grid(by_id[chunk.id], (2,))
        )
        pool = [result(name, None, part="picture") for name in boards]
        hits = asyncio.run(reranker.rerank(f"a {a} next to a {b}", pool))
        right += hits[0].chunk_id == digest("both")
    assert right >= 5
