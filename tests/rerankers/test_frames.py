"""Frames by hand with the weightless encoder, and on the sample's film with the real one."""

import asyncio
import csv
import json
import logging
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError, MediaError, ModelError, ModelMissing
from foveate.ids import digest
from foveate.locators import TimeSpan
from foveate.media.render import crop
from foveate.records import Chunk, Result
from foveate.rerankers.frames import FrameReranker
from foveate.rerankers.vectors import PictureVectors
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.encoders.mini import MiniEncoder
from tests.contracts.reranker import RerankerContract, rerank, result

ENCODER = HashedEncoder()
SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
SEEN = ("picture", "tile", "page", "frame")


def colour(name: str) -> Image.Image:
    return Image.new("RGB", (8, 8), name)


def coloured(chunk: Chunk) -> Sequence[Image.Image]:
    """Red and then grey for what can be seen; nothing for texts."""
    return [colour("red"), colour("grey")] if chunk.part in SEEN else []


class Axes:
    """Each colour is an axis of its own: every cosine is 0 or 1."""

    NAMES = ("red", "blue", "green", "purple")

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[float(text == name) for name in self.NAMES] for text in texts], dtype=np.float32)

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        known = {colour(name).tobytes(): name for name in self.NAMES}
        return self.encode_text([known[image.tobytes()] for image in images])


AXES = Axes()


def of(frames: dict[str, list[str]], *, weight: float = 0.6, pooled: bool = True) -> FrameReranker:
    by_id = {digest(name): [colour(one) for one in names] for name, names in frames.items()}
    return FrameReranker(
        AXES.encode_text, AXES.encode_images, lambda chunk: by_id[chunk.id], weight=weight, pooled=pooled
    )


class TestPooledContract(RerankerContract):
    pointwise = False
    question = "red ships"

    @pytest.fixture
    def reranker(self) -> FrameReranker:
        return FrameReranker(ENCODER.encode_text, ENCODER.encode_images, coloured)


class TestAloneContract(RerankerContract):
    question = "red ships"

    @pytest.fixture
    def reranker(self) -> FrameReranker:
        return FrameReranker(ENCODER.encode_text, ENCODER.encode_images, coloured, pooled=False)


POOL = [
    result("shot", None, part="frame", score=0.5),
    result("other", None, part="frame", score=0.7),
    result("text", "red", score=0.3),
]
FRAMES = {"shot": ["blue", "red", "blue"], "other": ["blue", "blue"], "text": []}


def test_by_hand() -> None:
    # The cosine of "red" is 1 with a red frame, 0 with a blue one. Spread: first 0.5, 1, 0; frames 1, 0, unknown.
    scores = {hit.chunk_id: hit.score for hit in rerank(of(FRAMES), "red", POOL)}
    assert scores == pytest.approx({digest("shot"): 0.8, digest("other"): 0.4, digest("text"): 0.0})
    alone = {hit.chunk_id: hit.score for hit in rerank(of(FRAMES, weight=0.25, pooled=False), "red", POOL)}
    assert alone == pytest.approx({digest("shot"): 0.625, digest("other"): 0.525, digest("text"): 0.3})


def test_one_good_frame_among_many_is_enough() -> None:
    frames = {"shot": ["blue"] * 40 + ["red"], "other": ["purple"] * 3, "text": []}
    assert rerank(of(frames, weight=1.0), "red", POOL)[0].chunk_id == digest("shot")


def test_ends_of_the_weight() -> None:
    first = [digest("other"), digest("shot"), digest("text")]
    assert [hit.chunk_id for hit in rerank(of(FRAMES, weight=0.0), "red", POOL)] == first
    assert [hit.chunk_id for hit in rerank(of(FRAMES), "  ", POOL)] == first
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(CallerError, match="weight is"):
            of(FRAMES, weight=weight)


def test_equal_scores_tell_nothing() -> None:
    hits = rerank(of({"a": ["red"], "b": ["red"]}), "red", [result("a", None), result("b", None)])
    assert [hit.score for hit in hits] == [0.5, 0.5]


def test_a_broken_file_keeps_its_first_score(caplog: pytest.LogCaptureFixture) -> None:
    def broken(chunk: Chunk) -> Sequence[Image.Image]:
        if chunk.id == digest("shot"):
            raise MediaError("no film in it")
        return [colour("blue")]

    reranker = FrameReranker(ENCODER.encode_text, ENCODER.encode_images, broken, pooled=False)
    with caplog.at_level(logging.WARNING):
        scores = {hit.chunk_id: hit.score for hit in rerank(reranker, "red", POOL)}
    assert scores[digest("shot")] == 0.5
    assert "no film in it" in caplog.text


def test_nan_is_named() -> None:
    def bad(images: Sequence[Image.Image]) -> np.ndarray:
        return np.full((len(images), ENCODER.dim), np.nan, dtype=np.float32)

    with pytest.raises(ModelError, match="score nan"):
        rerank(FrameReranker(ENCODER.encode_text, bad, coloured), "red", POOL)


def test_frames_are_encoded_once_and_in_batches() -> None:
    sizes: list[int] = []

    def counted(images: Sequence[Image.Image]) -> np.ndarray:
        sizes.append(len(images))
        return AXES.encode_images(images)

    names = {f"n{place}": [("red", "blue", "green")[place % 3]] * (place % 7) for place in range(30)}
    by_id = {digest(name): [colour(one) for one in frames] for name, frames in names.items()}
    pool = [result(name, None, part="frame") for name in names]
    reranker = FrameReranker(AXES.encode_text, counted, lambda chunk: by_id[chunk.id], weight=1.0, pooled=False)
    scores = {hit.chunk_id: hit.score for hit in rerank(reranker, "green", pool)}
    for place, (name, frames) in enumerate(names.items()):
        assert scores[digest(name)] == pytest.approx(float(bool(frames) and place % 3 == 2))
    assert sum(sizes) == sum(map(len, names.values())) and max(sizes) == 32
    seen = sum(sizes)
    assert rerank(reranker, "red", pool) != [] and sum(sizes) == seen


def test_what_is_kept_is_bounded() -> None:
    looked: list[str] = []

    def look(chunk: Chunk) -> Sequence[Image.Image]:
        looked.append(chunk.id)
        return [colour("red")] * 4

    vectors = PictureVectors(ENCODER.encode_images, look, rows=8)
    chunks = [result(name, None).chunk for name in "abc"]
    for one in (chunks[0], chunks[1], chunks[0], chunks[2], chunks[0], chunks[1]):
        assert vectors.of([one])[one.id].shape == (4, ENCODER.dim)
    # c pushed b out, the least recently used; then b was looked at again.
    assert looked == [chunks[place].id for place in (0, 1, 2, 1)]


@pytest.fixture(scope="module")
def mini() -> MiniEncoder:
    try:
        return MiniEncoder()
    except ModelMissing as error:
        pytest.skip(str(error))


def average_precision(order: Sequence[bool]) -> float:
    found = [sum(order[: place + 1]) / (place + 1) for place, good in enumerate(order) if good]
    return sum(found) / len(found)


def test_moments_of_the_sample_film_come_up(mini: MiniEncoder) -> None:
    """Stretches of 24 s, known by the mean of their frames: the question shows for a third of one, and is blurred."""
    film = SAMPLE / "films" / "harbour_day.mp4"
    scenes = json.loads((SAMPLE.parents[1] / "tests/data/harbour_day.timeline.json").read_text())["scenes"]
    with (SAMPLE.parent / "sample.tsv").open(encoding="utf-8") as stream:
        captions = {row["target"]: row["caption"] for row in csv.DictReader(stream, delimiter="\t")}

    @cache
    def frame(second: int) -> Image.Image:
        return crop(film, TimeSpan(start_s=second + 0.5, end_s=second + 0.5), 256)

    stretches = {start: TimeSpan(start_s=start, end_s=start + 24) for start in range(0, 60, 6)}
    frames = {digest(str(start)): [frame(start + after) for after in range(0, 24, 2)] for start in stretches}
    means = {name: mini.encode_images(images).mean(axis=0) for name, images in frames.items()}
    reranker = FrameReranker(mini.encode_text, mini.encode_images, lambda chunk: frames[chunk.id])
    gains = []
    for scene in scenes:
        if not scene["picture"]:
            continue
        question = captions[scene["picture"]]
        query = mini.encode_text([question])[0]
        pool: list[Result] = []
        shown: dict[str, bool] = {}
        for start, span in stretches.items():
            name = digest(str(start))
            cosine = float(means[name] @ query / np.linalg.norm(means[name]))
            pool.append(result(str(start), None, part="frame", score=cosine))
            shown[name] = min(span.end_s, scene["end_s"]) - max(span.start_s, scene["start_s"]) >= 2
        before = [shown[one.chunk.id] for one in sorted(pool, key=lambda one: -one.score)]
        after = [shown[hit.chunk_id] for hit in asyncio.run(reranker.rerank(question, pool))]
        gains.append(average_precision(after) - average_precision(before))
    assert len(gains) == 9
    assert np.mean(gains) > 0.03
