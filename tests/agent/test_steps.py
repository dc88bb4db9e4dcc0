"""A plan's steps through the whole graph, on real parts: chains, steps side by side, arithmetic, budgets, threads."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foveate.agent.deps import Deps
from foveate.agent.multihop.condensed import Condensed
from foveate.errors import ModelError, ServiceError
from foveate.ids import digest
from foveate.rerankers.protocols import Message, Reply, Sampling
from foveate.rerankers.scripted import ScriptedChat
from foveate.settings import Budget
from tests.agent.towns import (
    CHAIN,
    CHAIN_QUESTION,
    CHAIN_READS,
    MOST,
    MOST_QUESTION,
    MOST_READS,
    TEXTS,
    Reasoner,
    ask,
    cited,
    passage,
    stages,
    towns,
)


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[Deps]:
    with towns(tmp_path) as made:
        yield made


def test_a_chain_of_two(deps: Deps) -> None:
    chat = Reasoner(CHAIN, CHAIN_READS)
    state = ask(replace(deps, reasoner=chat), CHAIN_QUESTION)
    assert (state["route"], state["verdict"], state["reason"]) == ("multi_hop", "answered", "none")
    assert state["short"] == "the Fijian dollar"
    assert [(one["step"], one["query"]) for one in stages(state, "gather")] == [
        (1, "In which country lies Nadi?"),
        (2, "Which currency is used in Fiji?"),
    ]
    assert cited(state) == {"nadi", "fiji"}
    assert state["usage"]["hops"] == 2 and len(chat.asked("plan")) == 1 and len(chat.asked("read")) == 2
    assert stages(state, "answer")[0]["chain"] == [
        ["In which country lies Nadi?", "Fiji"],
        ["Which currency is used in Fiji?", "the Fijian dollar"],
    ]


def test_a_chain_of_three(deps: Deps) -> None:
    plan = (
        "1 | any | In which country lies Nadi? | -\n2 | any | What is the capital of #1? | 1\n"
        "3 | any | Who is the mayor of #2? | 2"
    )
    reads = {"country lies Nadi": "Fiji", "capital of Fiji": "Suva", "mayor of Suva": "Anna Kumar"}
    question = "Who is the mayor of the capital of the country where Nadi lies?"
    state = ask(replace(deps, reasoner=Reasoner(plan, reads)), question)
    assert (state["short"], state["verdict"]) == ("Anna Kumar", "answered")
    assert cited(state) == {"nadi", "capital", "mayor"}
    assert [answer["rounds"] for answer in state["answers"].values()] == [1, 2, 3]
    assert state["confidence"] == min(answer["confidence"] for answer in state["answers"].values())


class Meeting(Reasoner):
    """Readers wait for each other: nobody is answered before so many are inside."""

    def __init__(self, parties: int, *args: Any) -> None:
        super().__init__(*args)
        self._parties = parties
        self._inside = 0
        self._all: asyncio.Event | None = None

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        if "in as few words" in messages[0].text:
            self._all = self._all or asyncio.Event()
            self._inside += 1
            if self._inside == self._parties:
                self._all.set()
            async with asyncio.timeout(20):
                await self._all.wait()
        return await super().chat(messages, sampling)


def test_steps_that_do_not_wait_run_at_the_same_time(deps: Deps) -> None:
    chat = Meeting(2, MOST, MOST_READS)
    state = ask(replace(deps, reasoner=chat), MOST_QUESTION)  # one after the other would wait for ever
    assert (state["short"], state["verdict"]) == ("Fiji", "answered")
    assert [one["step"] for one in stages(state, "compare")] == [3]


def test_a_barrier_of_three_does_stop_two_readers(deps: Deps) -> None:
    # The test above can fail: with one reader too few the barrier never opens, and time is up.
    chat = Meeting(3, MOST, MOST_READS)
    state = ask(replace(deps, reasoner=chat, budget=Budget(seconds=0.5)), MOST_QUESTION)
    assert (state["verdict"], state["reason"]) == ("partial", "out_of_budget")


def test_questions_side_by_side_by_rule(deps: Deps) -> None:
    chat = Meeting(2, "", {"capital of Fiji": "Suva", "mayor of Suva": "Anna Kumar"})
    state = ask(replace(deps, reasoner=chat), "What is the capital of Fiji? Who is the mayor of Suva?")
    assert state["short"] == "Suva; Anna Kumar" and state["route"] == "multi_hop"
    assert not chat.asked("plan")  # what rules see at a glance is not left to a model


@pytest.mark.parametrize(("kind", "winner"), [("most", "Fiji"), ("least", "Tonga")])
def test_code_compares(deps: Deps, kind: str, winner: str) -> None:
    chat = Reasoner(MOST.replace("most", kind), MOST_READS)
    state = ask(replace(deps, reasoner=chat), MOST_QUESTION)
    assert state["short"] == winner and state["text"].startswith(f"{winner}. ")
    assert cited(state) == {"fiji_people", "tonga_people"}
    assert stages(state, "compare")[0]["numbers"] == [884887.0, 106017.0]
    assert state["usage"]["hops"] == 2 and len(chat.asked("read")) == 2  # comparing asks nobody


def compared(tmp_path: Path, first: str, second: str, kind: str = "most") -> dict[str, Any]:
    """The state of a comparison whose two passages say ``first`` and ``second``."""
    texts = {"a": f"In Fiji live {first} people.", "b": f"In Tonga live {second} people."}
    reads = {"live in Fiji": first, "live in Tonga": second}
    with towns(tmp_path, [passage(name, text) for name, text in texts.items()]) as deps:
        return ask(replace(deps, reasoner=Reasoner(MOST.replace("most", kind), reads)), MOST_QUESTION)


@pytest.mark.parametrize(
    ("first", "second", "numbers"),
    [
        ("1,200", "900", [1200.0, 900.0]),
        ("1.5 million", "900 thousand", [1.5e6, 9e5]),
        ("1.5 million", "1,499,999", [1.5e6, 1499999.0]),
        ("2 billion", "900 million", [2e9, 9e8]),
        ("-3", "\u22125", [-3.0, -5.0]),  # the minus sign of typesetters
        ("10 000", "9 999", [10000.0, 9999.0]),
        ("10\u202f000", "9\u00a0999", [10000.0, 9999.0]),
        ("about 12.5", "12.25", [12.5, 12.25]),
    ],
)
def test_numbers_are_read_as_people_write_them(tmp_path: Path, first: str, second: str, numbers: list[float]) -> None:
    state = compared(tmp_path, first, second)
    assert stages(state, "compare")[0]["numbers"] == numbers and state["short"] == "Fiji"


def test_a_tie_names_both(tmp_path: Path) -> None:
    state = compared(tmp_path, "5,000", "5000")
    assert state["short"] == "Fiji and Tonga (equal)" and state["verdict"] == "answered"
    assert cited(state) == {"a", "b"}
    assert len(stages(state, "gather")) == 2  # arithmetic gave the answer: no model is asked once more


def test_what_is_no_number_is_not_compared(tmp_path: Path) -> None:
    state = compared(tmp_path, "many", "5000")
    assert stages(state, "compare")[0]["numbers"] == [None, 5000.0]
    assert state["answers"]["3"]["problem"] == "not all of what is compared are numbers"
    # Then the question itself is asked, once; here nobody finds an answer to it.
    assert [one["step"] for one in stages(state, "gather")] == [1, 2, 4]
    assert state["short"] == "" and (state["verdict"], state["reason"]) == ("partial", "no_evidence")


def test_a_step_without_answer_leads_back_to_the_question_once(deps: Deps) -> None:
    chat = Reasoner(CHAIN, {"the country where Nadi lies": "Fiji"})  # the first step reads "none"
    state = ask(replace(deps, reasoner=chat), CHAIN_QUESTION)
    assert [(one["step"], one["query"]) for one in stages(state, "gather")] == [
        (1, "In which country lies Nadi?"),
        (3, CHAIN_QUESTION),
    ]
    assert state["steps"][-1]["instead"] is True and state["short"] == "Fiji" and state["verdict"] == "answered"
    assert state["answers"]["1"]["problem"] == "no note answers it"


def test_it_is_not_asked_twice(deps: Deps) -> None:
    state = ask(replace(deps, reasoner=Reasoner(CHAIN, {})), CHAIN_QUESTION)
    assert [one["step"] for one in stages(state, "gather")] == [1, 3]
    assert (state["verdict"], state["reason"]) == ("partial", "no_evidence")


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (CHAIN.replace("| -", "| 2"), "a later step or itself"),
        (CHAIN.replace("#1? | 1", "#1? | 1, 7"), "no step"),
        (CHAIN.replace("Nadi", "Suva"), "speaks of 'Suva'"),
        (CHAIN.replace("any", "shell"), "kind 'shell' is unknown"),
        ("I think Nadi is in Fiji.", "cells"),
        ("", "no step"),
        (ModelError("it broke"), "it broke"),
        (ServiceError("server is down"), "server is down"),
    ],
)
def test_a_wrong_plan_becomes_one_plain_step(deps: Deps, plan: Any, problem: str) -> None:
    state = ask(replace(deps, reasoner=Reasoner(plan, {"used": "Fijian dollar"})), CHAIN_QUESTION)
    (shown,) = stages(state, "plan")
    assert problem in shown["problem"] and shown["route"] == "single_hop"
    assert [(step["kind"], step["query"]) for step in shown["steps"]] == [("any", CHAIN_QUESTION)]
    assert state["searched"] == [CHAIN_QUESTION] and state["short"] == "Fijian dollar"


def test_a_budget_of_one_hop_takes_the_first_of_two_steps(deps: Deps) -> None:
    budget = Budget(hops=1)
    state = ask(replace(deps, reasoner=Reasoner(CHAIN, CHAIN_READS), budget=budget), CHAIN_QUESTION)
    assert state["usage"]["hops"] == 1 and state["answers"]["2"]["problem"] == "out_of_budget"
    assert (state["verdict"], state["reason"], state["short"]) == ("partial", "out_of_budget", "")
    assert "nadi" in cited(state)  # what was found on the way is shown


@pytest.mark.parametrize("hops", [1, 2, 3, 5])
def test_rounds_along_a_chain_keep_the_budget(deps: Deps, hops: int) -> None:
    budget = Budget(hops=hops, step_hops=4)
    strategy = Condensed(covered=2.0)  # never satisfied
    state = ask(replace(deps, reasoner=Reasoner(CHAIN, CHAIN_READS), budget=budget, strategy=strategy), CHAIN_QUESTION)
    assert state["usage"]["hops"] <= hops
    assert all(answer["rounds"] <= hops for answer in state["answers"].values())
    if hops > 1:  # the first step leaves a round to the second
        assert state["answers"]["2"]["text"] == "the Fijian dollar"


class Late(Reasoner):
    """Takes its time over whatever holds a word."""

    def __init__(self, slow: str, *args: Any) -> None:
        super().__init__(*args)
        self._slow = slow

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        if self._slow in messages[0].text + messages[-1].text:
            await asyncio.sleep(30)
        return await super().chat(messages, sampling)


@pytest.mark.parametrize("slow", ["used in Fiji", "lies Nadi"])
def test_time_that_runs_out_in_the_middle(deps: Deps, slow: str) -> None:
    budget = Budget(seconds=3.0)
    start = time.monotonic()
    state = ask(replace(deps, reasoner=Late(slow, CHAIN, CHAIN_READS), budget=budget), CHAIN_QUESTION)
    assert time.monotonic() - start < 20
    assert (state["verdict"], state["reason"]) == ("partial", "out_of_budget")
    assert state["citations"] and state["quotes"]


def test_a_planner_that_never_ends_leaves_time_for_one_look(deps: Deps) -> None:
    chat = Late("Split the question", CHAIN, {"used": "Fijian dollar"})
    start = time.monotonic()
    state = ask(replace(deps, reasoner=chat, budget=Budget(seconds=4.0)), CHAIN_QUESTION)
    assert time.monotonic() - start < 20
    assert "time" in stages(state, "plan")[0]["problem"] and state["route"] == "single_hop"
    assert state["searched"] == [CHAIN_QUESTION] and state["short"] == "Fijian dollar"


def test_no_time_at_all(deps: Deps) -> None:
    state = ask(replace(deps, reasoner=Reasoner(CHAIN, CHAIN_READS), budget=Budget(seconds=1e-9)), CHAIN_QUESTION)
    assert (state["verdict"], state["reason"], state["citations"]) == ("unanswerable", "out_of_budget", [])
    # It looked for nothing.
    assert state["text"].startswith("I ran out of time before I found evidence. A larger budget")


def test_planning_counts_as_time_of_the_question(deps: Deps) -> None:
    ended: list[float] = []

    class Thinking(Reasoner):
        async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
            if "Split the question" in messages[0].text:
                await asyncio.sleep(0.05)
                ended.append(time.monotonic())
            return await super().chat(messages, sampling)

    state = ask(replace(deps, reasoner=Thinking(CHAIN, CHAIN_READS)), CHAIN_QUESTION)
    assert state["started_s"] < ended[0]


def test_a_reader_that_fails_leaves_the_evidence(deps: Deps) -> None:
    chat = Reasoner(CHAIN, {"": ServiceError("server is down")})
    state = ask(replace(deps, reasoner=chat), CHAIN_QUESTION)
    assert state["citations"] and state["short"] == ""
    assert "server is down" in state["answers"]["1"]["problem"]
    assert (state["verdict"], state["reason"]) == ("partial", "no_evidence")


def test_a_verifier_that_fails_leaves_the_answer(deps: Deps) -> None:
    class Weighless(Reasoner):
        async def score(self, messages: Sequence[Message], options: Sequence[str]) -> list[float]:
            raise ServiceError("server is down")

    deps.store.upsert([passage("other", "The capital of Fiji is Levuka.")])
    chat = Weighless("1 | any | What is the capital of Fiji? | -", {"capital": "Suva"})
    state = ask(replace(deps, reasoner=chat), "What is the capital of Fiji?")
    assert chat.asked("verify") and (state["short"], state["verdict"]) == ("Suva", "answered")


def test_margins_that_fail_leave_the_evidence(deps: Deps) -> None:
    down = ScriptedChat(lambda _: ServiceError("server is down"))
    state = ask(replace(deps, reasoner=down, reading="margins"), "What is the capital of Fiji?")
    assert "capital" in cited(state) and "server is down" in json.dumps(stages(state, "read"))


def test_a_strategy_that_fails_leaves_the_evidence(deps: Deps) -> None:
    class Failing:
        name = "failing"

        async def gather(self, question: str, tools: Any) -> Any:
            raise ServiceError("server is down")

    chat = Reasoner("", {"capital": "Suva"})
    state = ask(replace(deps, reasoner=chat, strategy=Failing()), "What is the capital of Fiji?")
    (shown,) = stages(state, "gather")
    assert state["short"] == "Suva" and "server is down" in shown["problem"] and shown["strategy"] == "failing"


def test_an_empty_answer_is_none(deps: Deps) -> None:
    for said in ("", " ", "none", "None.", '""', "\n"):
        state = ask(replace(deps, reasoner=Reasoner("", {"": said})), "What is the capital of Fiji?")
        assert state["short"] == "" and state["answers"]["1"]["problem"] == "no note answers it", said
        assert state["citations"]


def test_a_label_is_no_evidence(deps: Deps) -> None:
    # Notes are shown as "Document: ..."; that word is ours and no words of the collection.
    state = ask(replace(deps, reasoner=Reasoner("", {"": "Document"})), "What is the capital of Fiji?")
    assert state["short"] == "" and state["answers"]["1"]["problem"] == "the answer is not in the evidence"


def test_a_title_is_evidence(deps: Deps) -> None:
    deps.store.upsert([passage("x", "Here the mayor of Levuka works every day.", title="Jone Waqa")])
    state = ask(replace(deps, reasoner=Reasoner("", {"": "Jone Waqa"})), "Who is the mayor of Levuka?")
    assert state["short"] == "Jone Waqa" and cited(state) == {"x"}


class Forgetful:
    """A strategy that deletes chunks after they were gathered: as another process that removes files does."""

    name = "forgetful"

    def __init__(self, gone: Sequence[str]) -> None:
        self._gone = [digest(name) for name in gone]

    async def gather(self, question: str, tools: Any) -> Any:
        found = await Condensed().gather(question, tools)
        tools.store.delete(self._gone)
        return found


@pytest.mark.parametrize("chat", [Reasoner("", {"capital": "Suva"}), None])
def test_evidence_gone_before_the_answer(deps: Deps, chat: Reasoner | None) -> None:
    forgetful = replace(deps, reasoner=chat, strategy=Forgetful(list(TEXTS)))
    state = ask(forgetful, "What is the capital of Fiji?")
    assert (state["verdict"], state["reason"]) == ("unanswerable", "no_evidence")
    assert state["short"] == "" and state["citations"] == [] and "Suva" not in state["text"]


def test_an_answer_whose_own_evidence_is_gone_is_not_given(deps: Deps) -> None:
    deps.store.upsert([passage("isle", "The capital of Fiji is an isle.")])
    chat = Reasoner("", {"capital": "Suva"})
    state = ask(replace(deps, reasoner=chat, strategy=Forgetful(["capital"])), "What is the capital of Fiji?")
    assert state["short"] == "" and "Suva" not in state["text"] and cited(state) == {"isle"}
    assert (state["verdict"], state["reason"]) == ("partial", "no_evidence")
