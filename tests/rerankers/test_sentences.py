import asyncio
import math
import random

import pytest

from foveate.ids import digest
from foveate.locators import CharSpan
from foveate.records import Chunk, Hit, Result
from foveate.rerankers.sentences import SentenceReranker, Weights, content_words, coverage, statements
from foveate.retrievers.encoders.hashed import HashedEncoder
from tests.contracts.reranker import RerankerContract

ENCODER = HashedEncoder()


def result(name: str, text: str | None, z_image: float | None = None) -> Result:
    chunk = Chunk(
        id=digest(name),
        media_id=digest(name, "m"),
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=9),
        text=text,
        paths=("/x",),
    )
    hits = () if z_image is None else (Hit(chunk_id=chunk.id, score=z_image, stage="z_image", rank=0),)
    return Result(chunk=chunk, score=0.0, hits=hits)


RESULTS = [
    result("a", "The museum opens at ten. It was founded in 1931."),
    result("b", "Bread is baked hot."),
    result("c", None, z_image=3.0),
    result("d", None),
    result("e", "The museum opens at ten. It was founded in 1931."),
]


def rank(results: list[Result], question: str = "When does the museum open?") -> list[Hit]:
    return asyncio.run(SentenceReranker(ENCODER.encode_text).rerank(question, results))


class TestContract(RerankerContract):
    @pytest.fixture
    def reranker(self) -> SentenceReranker:
        return SentenceReranker(ENCODER.encode_text)


def test_shuffling_changes_nothing() -> None:
    shuffled = RESULTS[:]
    random.Random(7).shuffle(shuffled)
    assert rank(shuffled) == rank(RESULTS)


def test_company_changes_no_score() -> None:
    together = {hit.chunk_id: hit.score for hit in rank(RESULTS)}
    for alone in RESULTS:
        assert rank([alone])[0].score == pytest.approx(together[alone.chunk.id], abs=1e-6)


def test_ids_are_kept_and_ties_are_stable() -> None:
    hits = rank(RESULTS)
    assert {hit.chunk_id for hit in hits} == {item.chunk.id for item in RESULTS}
    assert [hit.rank for hit in hits] == list(range(5))
    twins = [hit.chunk_id for hit in hits if hit.chunk_id in (digest("a"), digest("e"))]
    assert twins == sorted(twins) and hits[0].chunk_id in twins


def test_probability_by_hand() -> None:
    reranker = SentenceReranker(ENCODER.encode_text, Weights(bias=-2.0, sentence=4.0, picture_bias=-2.0, picture=0.5))
    picture = asyncio.run(reranker.rerank("anything", [result("c", None, z_image=3.0)]))[0].score
    assert picture == pytest.approx(1 / (1 + math.exp(2.0 - 1.5)))
    text = asyncio.run(reranker.rerank("museum", [result("m", "museum")]))[0].score
    assert text == pytest.approx(1 / (1 + math.exp(2.0 - 4.0)), abs=1e-5)
    assert asyncio.run(reranker.rerank("museum", [result("d", None)]))[0].score == 0.0


def test_no_candidates() -> None:
    assert rank([]) == []


def test_content_words() -> None:
    assert content_words("Which of these cups did she drop?") == ["cup", "she", "drop"]
    assert coverage("cups dropped", "She drops a cup.") == 1.0
    assert coverage("what is this?", "anything") == 0.0


def test_a_heading_goes_with_what_it_heads() -> None:
    text = "## Opening hours\n\nDaily from ten. Closed on Monday.\n\n## Prices"
    assert [text[span.start : span.end] for span in statements(text)] == [
        "## Opening hours\n\nDaily from ten.",
        "Closed on Monday.",
        "## Prices",
    ]
    assert statements("") == ()
