"""Pointwise reranking over a real tiny model in process and over a server, and what it shows of candidates."""

import asyncio
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError, ModelError
from foveate.ids import digest
from foveate.records import Hit, Result
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.layouts import layout
from foveate.rerankers.local import LocalChat
from foveate.rerankers.local_judge import LocalJudge
from foveate.rerankers.pointwise import PointwiseReranker, in_words
from foveate.rerankers.protocols import Candidate, ImagePart, Judgement, Message
from foveate.rerankers.served_judge import ServedJudge
from foveate.usage import Usage
from tests.contracts.reranker import RESULTS, TWINS, RerankerContract, result
from tests.rerankers.wire_server import serving

RED, BLUE, GREEN = (ImagePart(data=name.encode(), mime="image/png") for name in ("red", "blue", "green"))


class TestLocal(RerankerContract):
    @pytest.fixture
    def reranker(self, tiny_chat: LocalChat) -> PointwiseReranker:
        return PointwiseReranker(LocalJudge(tiny_chat), candidate_tokens=100)


class Closing(PointwiseReranker):
    """Closes the connections at the end of each ``asyncio.run`` of the contract."""

    async def rerank(self, *args: Any, **kwargs: Any) -> list[Hit]:
        try:
            return await super().rerank(*args, **kwargs)
        finally:
            assert isinstance(self.model, ServedJudge) and isinstance(self.model.chat, OpenAIChat)
            await self.model.chat.aclose()


class TestServed(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Iterator[PointwiseReranker]:
        def respond(request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
            share = (sum(map(ord, request["messages"][-1]["content"])) % 97 + 1) / 100
            top = [{"token": word, "logprob": math.log(part)} for word, part in (("Yes", share), ("No", 1 - share))]
            reply["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
            return reply

        with serving() as wire:
            wire.respond = respond
            yield Closing(ServedJudge(OpenAIChat("sea-model", wire.url), at_once=4))


class Recorder:
    """A yes/no model that remembers its prompts: to look at them, not to test what a model does."""

    def __init__(self, *, sees: bool = True) -> None:
        self.name = "recorder"
        self.sees = sees
        self.calls: list[list[tuple[Message, ...]]] = []

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        self.calls.append([tuple(prompt) for prompt in prompts])
        return [Judgement(yes=-1.0, no=-2.0, usage=Usage(tokens_in=10, tokens_cached=4)) for _ in prompts]

    def cut(self, text: str, tokens: int) -> str:
        return " ".join(text.split(" ")[:tokens])


def mixed(results: Sequence[Result]) -> list[Candidate]:
    """Pictures as pixels, with their caption where they have one."""
    return [
        Candidate(
            id=one.chunk.id,
            text=one.chunk.text or "",
            images=(GREEN,) if one.chunk.part in ("picture", "tile", "frame", "page") else (),
        )
        for one in results
    ]


def run(reranker: PointwiseReranker, results: Sequence[Result], images: Sequence[ImagePart] = ()) -> list[Hit]:
    return asyncio.run(reranker.rerank("Which cup?", results, images=images))


POOL = (
    result("text", "A red cup."),
    result("page", "Cups, page 3", part="page"),
    result("picture", None, part="picture"),
    result("region", "a handle", part="tile"),
    result("frame", None, part="frame"),
)


def test_scores_are_the_models_own(tiny_chat: LocalChat) -> None:
    judge = LocalJudge(tiny_chat)
    hits = asyncio.run(PointwiseReranker(judge).rerank("Which cup?", RESULTS))
    texts = {one.chunk.id: one.chunk.text or "" for one in RESULTS}
    prompts = [layout("rerank").messages({"question": "Which cup?", "candidate": texts[hit.chunk_id]}) for hit in hits]
    expected = [one.probability for one in asyncio.run(judge.judge(prompts))]
    assert [hit.score for hit in hits] == pytest.approx(expected, abs=1e-6)
    assert len({round(score, 6) for score in expected}) > 5


def test_everything_in_one_list() -> None:
    model = Recorder()
    hits = run(PointwiseReranker(model, mixed), POOL)
    assert {hit.chunk_id for hit in hits} == {one.chunk.id for one in POOL}
    shown = [(prompt[-1].text, prompt[-1].images) for prompt in model.calls[0]]
    assert shown == [
        ("Query: Which cup?\nCandidate: A red cup.", ()),
        ("Query: Which cup?\nCandidate: Cups, page 3", (GREEN,)),
        ("Query: Which cup?\nCandidate: ", (GREEN,)),
        ("Query: Which cup?\nCandidate: a handle", (GREEN,)),
    ]
    # The frame looks like the picture, hence it was not asked for again.
    scores = {hit.chunk_id: hit.score for hit in hits}
    assert scores[digest("frame")] == scores[digest("picture")] == pytest.approx(1 / (1 + math.exp(-1)))


def test_pictures_of_the_question_come_first_and_are_told_apart() -> None:
    model = Recorder()
    run(PointwiseReranker(model, mixed), POOL[:2], images=(RED, BLUE))
    assert [(prompt[-1].text, prompt[-1].images) for prompt in model.calls[0]] == [
        ("Query: Which cup? (picture 1) (picture 2)\nCandidate: A red cup.", (RED, BLUE)),
        ("Query: Which cup? (picture 1) (picture 2)\nCandidate: Cups, page 3 (picture 3)", (RED, BLUE, GREEN)),
    ]


def test_a_model_that_reads_only_goes_by_the_words_of_the_question(caplog: pytest.LogCaptureFixture) -> None:
    model = Recorder(sees=False)
    with caplog.at_level(logging.INFO):
        run(PointwiseReranker(model), POOL[:2], images=(RED,))
    assert model.calls[0][0][-1].images == () and "(picture 1)" not in model.calls[0][0][-1].text
    assert "1 picture(s) of the question are not looked at" in caplog.text


def test_a_picture_for_a_model_that_reads_only() -> None:
    reranker = PointwiseReranker(Recorder(sees=False), mixed)
    with pytest.raises(CallerError, match=r"only reads text; use a model that sees, or a 'present' that tells"):
        run(reranker, POOL)


def test_a_picture_without_words() -> None:
    with pytest.raises(CallerError, match=rf"{digest('picture')}.*neither words nor a picture.*tells it in words"):
        run(PointwiseReranker(Recorder(sees=False)), POOL)
    with pytest.raises(CallerError, match=r"give a 'present' that hands over its pixels"):
        run(PointwiseReranker(Recorder()), POOL)
    told = PointwiseReranker(
        Recorder(sees=False), lambda pool: [Candidate(id=one.chunk.id, text="a cup, probably") for one in pool]
    )
    assert len(run(told, POOL)) == len(POOL)


def test_a_candidate_longer_than_the_context(tiny_chat: LocalChat, caplog: pytest.LogCaptureFixture) -> None:
    long = result("long", "The sea and its ships are wide and grey. " * 500)
    with caplog.at_level(logging.INFO):
        hits = run(PointwiseReranker(LocalJudge(tiny_chat), candidate_tokens=40), [long, RESULTS[1]])
    assert {hit.chunk_id for hit in hits} == {long.chunk.id, RESULTS[1].chunk.id}
    assert f"candidate {long.chunk.id!r}" in caplog.text and "of 20500 characters are shown" in caplog.text
    with pytest.raises(CallerError, match="send less evidence"):
        run(PointwiseReranker(LocalJudge(tiny_chat), candidate_tokens=5000), [long])


def test_the_cut_is_marked() -> None:
    model = Recorder()
    run(PointwiseReranker(model, candidate_tokens=3), [result("a", "one two three four"), result("b", "one two three")])
    assert [prompt[-1].text.split("Candidate: ")[1] for prompt in model.calls[0]] == [
        "one two three [...]",
        "one two three",
    ]


def test_usage_adds_up_and_equal_candidates_are_judged_once() -> None:
    model = Recorder()
    reranker = PointwiseReranker(model)
    assert reranker.usage == Usage()
    hits = run(reranker, RESULTS)
    assert len(model.calls[0]) == len(RESULTS) - 1
    assert reranker.usage == Usage(tokens_in=80, tokens_cached=32)
    run(reranker, RESULTS[:2])
    assert reranker.usage == Usage(tokens_in=100, tokens_cached=40)
    assert len({hit.score for hit in hits if hit.chunk_id in TWINS}) == 1


def test_present_that_gives_others() -> None:
    with pytest.raises(ModelError, match="candidates were made for"):
        run(PointwiseReranker(Recorder(), lambda pool: in_words(pool)[::-1]), POOL[:2])
    with pytest.raises(ModelError, match="candidates were made for"):
        run(PointwiseReranker(Recorder(), lambda pool: in_words(pool)[1:]), POOL[:2])


def test_a_model_that_gives_no_numbers() -> None:
    class Broken(Recorder):
        async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
            return [Judgement(yes=math.nan, no=-1.0, usage=Usage()) for _ in prompts]

    with pytest.raises(ModelError, match="the score nan"):
        run(PointwiseReranker(Broken()), POOL[:2])


def test_names_and_bad_values(tiny_folder: Path) -> None:
    judge = LocalJudge(tiny_folder)
    assert PointwiseReranker(judge).name == f"pointwise:{tiny_folder.name}"
    assert PointwiseReranker(judge, name="mine").name == "mine" and "mine" in repr(
        PointwiseReranker(judge, name="mine")
    )
    with pytest.raises(CallerError, match="candidate_tokens is 0"):
        PointwiseReranker(judge, candidate_tokens=0)


def test_titles_stand_in_for_missing_words_and_file_names_do_not() -> None:
    plain = result("harbour", None, part="picture")
    titled = replace(plain, chunk=replace(plain.chunk, title="At the harbour"))
    assert [one.text for one in in_words([plain, titled])] == ["", "At the harbour"]
