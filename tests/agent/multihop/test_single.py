"""One search, one reranking."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from foveate.agent.multihop.protocols import Gathered, Tools
from foveate.agent.multihop.single import SingleShot
from foveate.agent.multihop.table import open_strategy
from foveate.errors import ConfigError
from foveate.memory.filters import parse
from foveate.settings import Budget
from tests.agent.multihop.islands import islands

QUESTION = "Fiji pays with which dollar?"


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    with islands(tmp_path) as made:
        yield made


def gather(tools: Tools, question: str = QUESTION) -> Gathered:
    return asyncio.run(SingleShot().gather(question, tools))


def test_one_round_best_first(tools: Tools) -> None:
    found = gather(tools)
    assert (len(found.hops), found.hops[0].queries, found.ended) == (1, (QUESTION,), "one round")
    scores = [one.score for one in found.found]
    assert scores == sorted(scores, reverse=True) and found.found[0].chunk.path == "/docs/fiji.md"
    assert all(one.hop == 1 and one.hits[-1].stage == "rerank" for one in found.found)
    assert len({one.chunk.id for one in found.found}) == len(found.found)
    assert found.hops[0].found[: len(found.found)] == tuple((one.chunk.id, one.score) for one in found.found)


def test_no_more_than_the_budget(tools: Tools) -> None:
    assert len(gather(replace(tools, budget=Budget(candidates=2))).found) == 2


def test_within_the_filters(tools: Tools) -> None:
    found = gather(replace(tools, where=parse("path:docs/apia")))
    assert [one.chunk.path for one in found.found] == ["/docs/apia.md"]
    assert gather(replace(tools, where=parse("path:nowhere/"))).found == ()


def test_a_picture_of_the_question_is_searched_with(tools: Tools) -> None:
    blue = Image.new("RGB", (8, 8), "blue")
    stages = {hit.stage for one in gather(replace(tools, pictures=(blue,))).found for hit in one.hits}
    assert "like" in stages and "like" not in {hit.stage for one in gather(tools).found for hit in one.hits}


def test_the_same_twice(tools: Tools) -> None:
    assert gather(tools) == gather(tools)


def test_by_name() -> None:
    assert open_strategy("single").name == "single"
    with pytest.raises(ConfigError, match=r"'none'; choose one of: condensed, .*single"):
        open_strategy("none")
