import asyncio
from pathlib import Path

import pytest
from PIL import Image

from foveate.agent.reranking import RERANKERS, open_reranker
from foveate.errors import ConfigError, FoveateError
from foveate.records import Chunk
from foveate.rerankers.protocols import Reranker
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.settings import Budget, Settings
from tests.contracts.reranker import RerankerContract, result


def look(chunk: Chunk) -> Image.Image:
    return Image.new("RGB", (64, 64), (200, 30, 30) if "red" in chunk.path else (30, 30, 200))


def opened(spec: str, settings: Settings | None = None) -> Reranker:
    return open_reranker(spec, settings or Settings(), HashedEncoder(), look)


class TestSentencesByName(RerankerContract):
    pointwise = True

    @pytest.fixture
    def reranker(self) -> Reranker:
        return opened("sentences")


class TestFramesByName(RerankerContract):
    pointwise = True

    @pytest.fixture
    def reranker(self) -> Reranker:
        return opened("frames")


def test_unknown_names_are_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"unknown reranker 'pontwise'; choose one of: batch, cascade"):
        opened("pontwise")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("pointwise:gpt", "unknown judge 'gpt'"),
        ("multiview", "multiview needs a trained head"),
        ("compressed:/nowhere.safetensors", "no file at '/nowhere.safetensors'"),
        ("cross-encoder", "cross-encoder needs a folder or a name"),
        ("pairwise:openai:model", "lacks a name or an address"),
    ],
)
def test_what_is_missing_is_named(spec: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        opened(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "sentences",
        "pointwise",
        "pointwise:local:smollm2",
        "pointwise:openai:m@http://127.0.0.1:9/v1",
        "pairwise",
        "listwise",
        "batch:openai:m@http://127.0.0.1:9/v1",
        "frames",
        "subimages",
        "intersection",
        "cascade",
        "cascade:pointwise:local:smollm2",
    ],
)
def test_names_open_without_loading_a_model(spec: str) -> None:
    reranker = opened(spec)
    assert reranker.name
    assert asyncio.run(reranker.rerank("anything", [])) == []


def test_all_names_are_known_here() -> None:
    tested = {"batch", "cascade", "compressed", "cross-encoder", "frames", "intersection", "listwise", "multiview"}
    assert set(RERANKERS) == tested | {"pairwise", "pointwise", "sentences", "subimages"}


def test_a_cascade_keeps_the_budget() -> None:
    settings = Settings(budget=Budget(judgements=0))
    pool = [result(str(i), f"text {i}") for i in range(5)]
    hits = asyncio.run(opened("cascade:pointwise:openai:m@http://127.0.0.1:9/v1", settings).rerank("text", pool))
    assert len(hits) == 5  # nobody was asked: that server is not there
    with pytest.raises(FoveateError):
        asyncio.run(opened("pointwise:openai:m@http://127.0.0.1:9/v1").rerank("text", pool))


def test_an_agent_says_which_reranker_is_in_force(tmp_path: Path) -> None:
    from foveate import Agent

    with Agent.open("c", home=tmp_path, encoder="hashed", reranker=None, generator="scripted") as agent:
        assert agent.reranker.name == "sentences"
    with Agent.open("c", home=tmp_path, encoder="hashed", reranker="frames", generator="scripted") as agent:
        assert agent.reranker.name.startswith("frames")
