import asyncio
from collections.abc import Sequence

import pytest

from foveate.errors import CallerError
from foveate.records import Hit, Result
from foveate.rerankers.metered import Metered
from foveate.rerankers.protocols import ImagePart
from foveate.rerankers.timings import Timing, timings
from foveate.usage import Usage
from tests.contracts.reranker import RESULTS


class Slow(Metered):
    name = "slow"

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        first = question == "load"
        await asyncio.sleep(0.5 if first else 0.02)
        self._spend(Usage(tokens_in=1000 if first else len(question), tokens_cached=1, tokens_out=len(results)))
        return []


class Plain:
    name = "plain"

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        return []


def test_means_without_the_first_call() -> None:
    slow, plain = asyncio.run(timings({"a": Slow(), "b": Plain()}, ["load", "xx", "xxxx"], RESULTS))
    assert (slow.name, slow.candidates, slow.tokens_in, slow.tokens_cached, slow.tokens_out) == ("a", 9, 3.0, 1.0, 9.0)
    assert 0.02 <= slow.seconds < 0.25
    assert plain.tokens_in == plain.tokens_out == 0 and plain.seconds < slow.seconds


def test_a_line() -> None:
    one = Timing(name="x", candidates=3, seconds=0.5, tokens_in=9, tokens_cached=2, tokens_out=4)
    assert str(one) == "x: 3 candidates in 0.500 s, 9 tokens in (2 cached), 4 out"


@pytest.mark.parametrize("questions", [[], ["a"], ["a", "b", "a"]])
def test_a_question_asked_twice_would_come_from_a_cache(questions: list[str]) -> None:
    with pytest.raises(CallerError, match="different questions"):
        asyncio.run(timings({"a": Plain()}, questions, RESULTS))
