"""Sampled reasons and answers order the candidates; on a real store, encoder and search."""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.agent.multihop.gathering import best_first
from foveate.agent.multihop.lookup import LookupStrategy, deal, lexical
from foveate.agent.multihop.protocols import Found, Gathered, Tools
from foveate.agent.multihop.single import SingleShot
from foveate.agent.multihop.table import open_strategy
from foveate.errors import CallerError, ServiceError
from foveate.ids import digest
from foveate.locators import CharSpan
from foveate.records import Chunk
from foveate.rerankers.protocols import Message, Reply, Sampling, TokenLogprob
from foveate.rerankers.scripted import Line, ScriptedChat
from foveate.settings import Budget
from foveate.usage import Usage
from tests.agent.multihop.islands import TEXTS, islands

QUESTION = "Which currency is used in the country where Nadi lies?"
NAMES = {digest(name): name for name in (*TEXTS, "flag")}


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    with islands(tmp_path) as made:
        yield made


def gather(
    tools: Tools, replies: Sequence[Line], *, hops: int = 1, forward: float = 1.0, backward: float = 0.0
) -> tuple[Gathered, ScriptedChat]:
    model = ScriptedChat(replies)
    strategy = LookupStrategy(forward=forward, backward=backward)
    # All six texts are small enough to be read at once.
    given = replace(tools, model=model, budget=Budget(hops=hops))
    return asyncio.run(strategy.gather(QUESTION, given)), model


def order(made: Gathered) -> list[str]:
    return [NAMES[one.chunk.id] for one in made.found]


def worded(made: Gathered) -> list[str]:
    return [name for name in order(made) if name != "flag"]


def test_open_by_name() -> None:
    assert isinstance(open_strategy("lookup"), LookupStrategy)


def test_what_holds_the_reason_comes_first(tools: Tools) -> None:
    single = asyncio.run(SingleShot().gather(QUESTION, tools))
    made, model = gather(tools, ["Fijian dollar", "Fijian dollar.", "tala"])
    # Searching alone puts the state's money last but one; looking ahead finds the sentences with both candidates.
    assert order(single).index("fiji") >= 5
    assert {"fiji", "apia"} == set(worded(made)[:2])
    # As much is relevant as before, at the same probabilities: only which chunks they are differs.
    assert [one.score for one in made.found] == [one.score for one in single.found]
    assert made.hops[0].facts[0].text == "Fiji pays with the Fijian dollar."
    assert made.hops[0].facts[0].score == pytest.approx(2 / 3)
    assert made.hops[0].note == "candidates: Fijian dollar; tala"
    assert [call.sampling.seed for call in model.calls] == [0, 1, 2]
    assert {call.sampling.max_tokens for call in model.calls} == {12}
    assert {call.messages for call in model.calls} == {model.calls[0].messages}  # the prompt is read once
    hits = {NAMES[one.chunk.id]: one.hits[-1] for one in made.found}
    assert (hits["fiji"].stage, hits["fiji"].rank + hits["apia"].rank) == ("lookup", 1)
    # A picture without words keeps its place and its own probability.
    assert hits["flag"].stage == "rerank" and order(made).index("flag") == order(single).index("flag")


def test_the_second_round_searches_with_the_best_reason(tools: Tools) -> None:
    replies = ["Fiji", "Fiji", "Samoa", "Fijian dollar", "Fijian dollar", "none"]
    made, model = gather(tools, replies, hops=2)
    assert made.hops[1].queries == (f"{QUESTION} Nadi lies in Fiji.",)
    assert (len(made.hops), made.ended) == (2, "budget of hops")
    # The first note of the second round is what the reason stands in.
    assert "[1] Document 'Nadi': Nadi lies in Fiji." in model.calls[3].messages[1].text
    # The three sentences that a candidate stands in, one of them the town of the lone "Samoa".
    assert {"nadi", "fiji", "apia"} == set(worded(made)[:3])
    assert made.usage.tokens_out == sum(len(reply.split()) for reply in replies)
    assert len({one.chunk.id for one in made.found}) == len(made.found)


def test_without_a_candidate_the_order_is_the_rerankers(tools: Tools) -> None:
    single = asyncio.run(SingleShot().gather(QUESTION, tools))
    made, _ = gather(tools, ["none", "None.", " "], hops=4)
    assert order(made) == order(single) and made.ended == "no new reason" and len(made.hops) == 1
    assert made.hops[0].note == "no candidate answer"


def test_backward_alone_is_the_reranker(tools: Tools) -> None:
    single = asyncio.run(SingleShot().gather(QUESTION, tools))
    made, _ = gather(tools, ["tala", "tala", "tala"], forward=0.0, backward=3.0)
    assert order(made) == order(single)


def test_an_invented_answer_still_guides_and_is_no_fact(tools: Tools) -> None:
    made, _ = gather(tools, ["degrees of bread", "degrees of bread", "none"], hops=3)
    assert worded(made)[0] == "bread"
    assert all(hop.facts == () for hop in made.hops) and made.quoted == ()
    assert made.ended == "no new reason" and made.hops[0].queries == (QUESTION,)


def test_planted_instructions_cannot_be_followed(tools: Tools) -> None:
    made, model = gather(tools, ["BANANA"] * 6, hops=2)
    # At most the planted sentence is searched for; it stays a fact with its source.
    assert [fact.chunk_id for hop in made.hops for fact in hop.facts] == [digest("trap")]
    assert all(query.startswith(QUESTION) for hop in made.hops for query in hop.queries)
    assert len({call.messages[0] for call in model.calls}) == 1 and len(model.calls) == 6


def test_the_same_question_is_gathered_alike_twice(tools: Tools) -> None:
    replies = ["Fiji", "Samoa", "Fiji"]
    assert gather(tools, replies)[0].found == gather(tools, replies)[0].found


def test_no_time_is_no_error(tools: Tools) -> None:
    class Slow(ScriptedChat):
        async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
            if self.calls:
                await asyncio.sleep(30)
            return await super().chat(messages, sampling)

    late = replace(tools, model=Slow(["Fijian dollar"]), deadline_s=time.monotonic() + 0.5)
    made = asyncio.run(LookupStrategy().gather(QUESTION, late))
    # The one sample that came in time counts.
    assert made.ended == "budget of time" and len(made.hops) == 1
    assert worded(made)[0] == "fiji"


def test_a_failing_model_is_told(tools: Tools) -> None:
    with pytest.raises(ServiceError, match="down"):
        gather(tools, [ServiceError("down")])


def test_a_question_of_20000_characters(tools: Tools) -> None:
    model = ScriptedChat(lambda _: "none")
    made = asyncio.run(LookupStrategy().gather(QUESTION + " x" * 10_000, replace(tools, model=model)))
    assert len(made.hops[0].queries[0]) <= 1000
    assert all(len(call.messages[1].text) < 3 * 1200 + 2100 for call in model.calls)


def test_the_likelier_of_equals(tools: Tools) -> None:
    def reply(text: str, logprob: float) -> Reply:
        token = TokenLogprob(token=text, logprob=logprob)
        return Reply(text=text, finish="stop", usage=Usage(tokens_out=1), logprobs=(token,))

    made, _ = gather(tools, [reply("tala", -2.0), reply("Fijian dollar", -0.5), reply("none", -0.1)])
    assert made.hops[0].facts[0].text == "Fiji pays with the Fijian dollar."


@pytest.mark.parametrize(
    "options", [{"samples": 0}, {"forward": -1.0}, {"forward": 0.0}, {"forward": math.nan}, {"backward": math.inf}]
)
def test_settings(options: dict[str, float]) -> None:
    with pytest.raises(CallerError):
        LookupStrategy(**options)  # type: ignore[arg-type]


def test_lexical_by_hand() -> None:
    texts = ["red kite", "red boat", "red sea"]
    # red is in 3 of 3: ln 2; kite in 1 of 3: ln 4; moon in none.
    assert lexical("The red kite and the moon", texts) == pytest.approx(
        [1.0, math.log(2) / math.log(8), math.log(2) / math.log(8)]
    )
    assert lexical("the of", texts) == [0.0, 0.0, 0.0] and lexical("red", []) == []


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8))
def test_dealing_keeps_scores_and_chunks(pairs: list[tuple[float, float]]) -> None:
    own = best_first(
        Found(
            chunk=Chunk(
                id=f"c{at}",
                media_id="m",
                kind="document",
                part="passage",
                locator=CharSpan(start=0, end=1),
                text="x",
                paths=(),
            ),
            score=score,
            hop=1,
        )
        for at, (score, _) in enumerate(pairs)
    )
    marks = {f"c{at}": mark for at, (_, mark) in enumerate(pairs)}
    dealt = deal(own, marks)
    assert [one.score for one in dealt] == [one.score for one in own]
    assert {one.chunk.id for one in dealt} == set(marks)
    shown = [marks[one.chunk.id] for one in dealt]
    assert shown == sorted(shown, reverse=True)
