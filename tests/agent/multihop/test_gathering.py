"""What strategies share: identifiers of a question decide between chunks that sound alike."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest

from foveate.agent.multihop.gathering import found_of, scores_of
from foveate.locators import CharSpan
from foveate.records import Chunk, Hit, Result


def result(name: str, text: str, title: str | None = None) -> Result:
    chunk = Chunk(
        id=name, media_id=name, kind="document", part="passage", locator=CharSpan(start=0, end=9), text=text,
        paths=(name,), title=title,
    )  # fmt: skip
    return Result(chunk=chunk, score=0.5, hits=())


class Scores:
    """Stands for ``Tools``: every candidate is given the score it is asked to have."""

    def __init__(self, **scores: float) -> None:
        self.scores = scores

    async def rerank(self, question: str, results: Sequence[Result]) -> list[Hit]:
        return [Hit(chunk_id=name, score=score, stage="rerank", rank=0) for name, score in self.scores.items()]


def scores(question: str, texts: dict[str, str], **given: float) -> dict[str, float]:
    tools: Any = Scores(**given)
    return asyncio.run(scores_of(question, [result(name, text) for name, text in texts.items()], tools))


def test_a_code_tells_apart_what_sounds_alike() -> None:
    texts = {"a": "Calls to Kiribati start with +686.", "b": "Calls to Suriname start with +597."}
    found = scores("Which country has the calling code +686?", texts, a=0.8, b=0.9)
    assert found["a"] == 0.8
    assert found["b"] == pytest.approx(1 / (1 + 20 / 9))  # odds of 9, divided by 20
    # A longer code is another one.
    assert scores("Who has +68?", texts, a=0.8, b=0.9) == {"a": 0.8, "b": 0.9}


@pytest.mark.parametrize("question", ["Which country uses .fj?", "Which domain is .fj."])
def test_domains(question: str) -> None:
    found = scores(question, {"a": "Fiji uses .fj.", "b": "Fiji uses .fjord."}, a=0.5, b=0.5)
    assert found["a"] == 0.5 and found["b"] < 0.05


def test_nobody_loses_where_nobody_holds_it_or_nothing_is_asked_for() -> None:
    texts = {"a": "No number.", "b": "None either."}
    assert scores("What happened in 1912?", texts, a=0.4, b=0.3) == {"a": 0.4, "b": 0.3}
    assert scores("What happened?", texts, a=0.4, b=0.3) == {"a": 0.4, "b": 0.3}


def test_bounds() -> None:
    texts = {"a": "In 1912.", "b": "x", "c": "y"}
    found = scores("What happened in 1912?", texts, a=1.0, b=1.0, c=0.0)
    assert found["a"] == 1.0 and 0.99 < found["b"] < 1.0 and found["c"] == 0.0
    assert all(math.isfinite(score) for score in found.values())


def test_what_a_reranker_cut_off_is_left_out() -> None:
    results = [result("a", "x"), result("b", "y")]
    assert [one.chunk.id for one in found_of(results, {"b": 0.4}, hop=2)] == ["b"]
