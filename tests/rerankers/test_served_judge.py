"""Judgements over a real connection to a server on 127.0.0.1, good and bad."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from foveate.errors import CallerError, FoveateError, ModelError, ServiceError
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.layouts import layout
from foveate.rerankers.local_judge import LocalJudge
from foveate.rerankers.protocols import ImagePart, Judgement, Message
from foveate.rerankers.served_judge import ServedJudge
from tests.rerankers.wire_server import Fault, Wire, serving

T = TypeVar("T")
LOG = math.log
CANDIDATES = ("The sea is wide.", "Ships are slow. " * 8, "yes yes no", "", "grey")


def prompt(candidate: str, question: str = "When do the ships come?") -> tuple[Message, ...]:
    return layout("rerank").messages({"question": question, "candidate": candidate})


PROMPTS = [prompt(candidate) for candidate in CANDIDATES]


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serving() as wire:
        wire.respond = lambda request, reply: said(reply, [("Yes", LOG(0.6)), ("No", LOG(0.2)), ("x", LOG(0.1))])
        yield wire


def said(reply: dict[str, Any], top: list[tuple[str, float]] | None) -> dict[str, Any]:
    """The reply with these alternatives for its only token."""
    choice = reply["choices"][0]
    if top is None:
        choice["logprobs"] = None
        return reply
    listed = [{"token": token, "logprob": value, "bytes": None} for token, value in top]
    choice["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]} if listed else {"content": []}
    choice["message"]["content"] = top[0][0] if top else ""
    return reply


def use(wire: Wire, job: Callable[[ServedJudge], Awaitable[T]], *, at_once: int = 8, **options: Any) -> T:
    async def run() -> T:
        chat = OpenAIChat("sea-model", wire.url, **{"wait_s": 0.01, **options})
        try:
            return await job(ServedJudge(chat, at_once=at_once))
        finally:
            await chat.aclose()

    return asyncio.run(run())


def judged(wire: Wire, prompts: Any = PROMPTS[:1], **options: Any) -> list[Judgement]:
    return use(wire, lambda judge: judge.judge(prompts), **options)


def test_what_is_asked(wire: Wire) -> None:
    (judgement,) = judged(wire)
    (request,) = wire.requests
    assert {name: request[name] for name in ("max_tokens", "temperature", "logprobs", "top_logprobs")} == {
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": True,
        "top_logprobs": 20,
    }
    assert (judgement.yes, judgement.no) == pytest.approx((LOG(0.6), LOG(0.2)))
    assert judgement.probability == pytest.approx(0.75)
    assert judgement.usage.tokens_in > 0 and judgement.usage.tokens_out == 1


def test_like_in_process(wire: Wire, tiny_folder: Path) -> None:
    """The tiny model behind the connection: what is read off the wire is what it says in process."""
    local = LocalJudge(tiny_folder)
    asyncio.run(local.load())
    engine = local.chat._loaded()
    lock = threading.Lock()

    def respond(request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        messages = [Message(role=one["role"], text=one["content"]) for one in request["messages"]]
        with lock:
            logprobs = engine.logits(messages).log_softmax(-1)
        # A random model ranks its answers low; a trained one has them among the likeliest.
        ids = [*engine.answers.yes, *engine.answers.no, *logprobs.topk(15).indices.tolist()]
        top = {engine.prompt.token_text(at): float(logprobs[at]) for at in ids}
        return said(reply, sorted(top.items(), key=lambda pair: -pair[1]))

    wire.respond = respond
    for at_once in (1, 3):
        served = judged(wire, PROMPTS, at_once=at_once)
        for one, other in zip(served, asyncio.run(local.judge(PROMPTS)), strict=True):
            assert (one.yes, one.no) == pytest.approx((other.yes, other.no), abs=1e-4)
    local.close()


def test_many_at_once_within_the_limit_and_in_order(wire: Wire) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def respond(request: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        number = int(request["messages"][-1]["content"].rsplit(" ", 1)[1])
        time.sleep(0.02 if number % 3 else 0.06)
        with lock:
            running -= 1
        share = (number + 1) / 40
        return said(reply, [("Yes", LOG(share)), ("No", LOG(1 - share))])

    wire.respond = respond

    async def twice(judge: ServedJudge) -> list[list[Judgement]]:
        prompts = [prompt(f"number {at}") for at in range(30)]
        return await asyncio.gather(judge.judge(prompts[:15]), judge.judge(prompts[15:]))

    first, second = use(wire, twice, at_once=4)
    assert [one.probability for one in first + second] == pytest.approx([(at + 1) / 40 for at in range(30)])
    assert 3 <= most <= 4


@pytest.mark.parametrize(
    ("top", "kind", "words"),
    [
        (None, ServiceError, "gave no log-probabilities"),
        ([], ServiceError, "gave no log-probabilities"),
        ([("Yes", math.nan), ("No", LOG(0.2))], ServiceError, "log-probability nan"),
        ([("Yes", LOG(0.6)), ("x", math.nan)], ServiceError, "log-probability nan"),
        ([("Yes", 0.7), ("No", LOG(0.2))], ServiceError, r"log-probability 0\.7"),
        ([("The", LOG(0.6)), ("A", LOG(0.2))], ModelError, "answered neither yes nor no"),
        ([("token_id:10539", LOG(0.6))], ModelError, "neither"),
    ],
)
def test_replies_that_are_no_judgement(wire: Wire, top: Any, kind: type[FoveateError], words: str) -> None:
    wire.respond = lambda request, reply: said(reply, top)
    with pytest.raises(kind, match=words):
        judged(wire)


@pytest.mark.parametrize("value", ["-0.5x", None, [], {}])
def test_log_probabilities_that_are_not_numbers(wire: Wire, value: Any) -> None:
    wire.respond = lambda request, reply: said(reply, [("Yes", value)])
    with pytest.raises(ServiceError, match="against the protocol"):
        judged(wire)


@pytest.mark.parametrize(
    ("yes", "no"),
    [("\u2581Yes", "\u2581No"), ("\u0120yes", "\u0120no"), (" YES", " no"), ("<0x59><0x65><0x73>", "<0x4E><0x6F>"),
     (r"bytes:\x59es", r"bytes:\x20no")],
)  # fmt: skip
def test_other_tokenizers(wire: Wire, yes: str, no: str) -> None:
    wire.respond = lambda request, reply: said(reply, [("x", LOG(0.3)), (yes, LOG(0.2)), (no, LOG(0.1))])
    assert judged(wire)[0].probability == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(status=429, headers={"retry-after": "0"}), Fault(status=500)],
        [Fault(status=503), Fault(drop=True)],
        [Fault(drop=True), Fault(drop=True)],
    ],
)
def test_tries_again(wire: Wire, faults: list[Fault]) -> None:
    wire.faults = list(faults)
    assert judged(wire)[0].probability == pytest.approx(0.75)
    assert len(wire.requests) == 3


@pytest.mark.parametrize(("fault", "words"), [(Fault(status=500), r"failed \(500\)"), (Fault(status=429), "429"),
                                              (Fault(drop=True), "cannot reach")])  # fmt: skip
def test_gives_up_and_ends_the_others(wire: Wire, fault: Fault, words: str) -> None:
    wire.faults = [fault] * 200
    with pytest.raises(ServiceError, match=words):
        judged(wire, [prompt(str(at)) for at in range(40)], at_once=2)
    assert len(wire.requests) < 20


def test_a_server_that_is_silent(wire: Wire) -> None:
    wire.faults = [Fault(delay_s=1.0)]
    with pytest.raises(ServiceError, match="no answer in time"):
        judged(wire, timeout_s=0.2)
    assert len(wire.requests) == 1


def test_a_server_that_is_not_there() -> None:
    with serving() as wire:
        url = wire.url
    gone = Wire(url=url)
    with pytest.raises(ServiceError, match="cannot reach"):
        judged(gone)


def test_what_is_not_json(wire: Wire) -> None:
    wire.faults = [Fault(body=b"<html>"), Fault(body=json.dumps({"choices": []}).encode())]
    for _ in range(2):
        with pytest.raises(ServiceError, match="against the protocol"):
            judged(wire)


def test_pictures(wire: Wire) -> None:
    seen = [Message(role="user", text="x", images=(ImagePart(data=b"\x89PNG\r\n\x1a\n", mime="image/png"),))]
    with pytest.raises(CallerError, match="sees=True"):
        judged(wire, [seen])
    assert not wire.requests
    assert judged(wire, [seen], sees=True)[0].usage.images_sent == 1
    assert "image_url" in json.dumps(wire.requests[0])


def test_several_event_loops(wire: Wire) -> None:
    chat = OpenAIChat("sea-model", wire.url)
    judge = ServedJudge(chat, at_once=1)

    async def go() -> list[Judgement]:
        try:
            return await judge.judge(PROMPTS)
        finally:
            await chat.aclose()

    assert len(asyncio.run(go())) == len(asyncio.run(go())) == len(PROMPTS)
    assert asyncio.run(judge.judge([])) == []


def test_cut(wire: Wire, tiny_folder: Path) -> None:
    chat = OpenAIChat("sea-model", wire.url)
    text = "The sea and its ships are wide and grey. " * 20
    exact = ServedJudge(chat, tokenizer=tiny_folder)
    assert TokenCutter(tiny_folder).count(exact.cut(text, 9)) == 9
    about = ServedJudge(chat)
    assert about.cut("short", 10) == "short"
    # Cautious: English has fewer tokens than this rule counts.
    assert text.startswith(about.cut(text, 30)) and TokenCutter(tiny_folder).count(about.cut(text, 30)) <= 60
    assert about.name == "sea-model" and "sea-model" in repr(about)
    with pytest.raises(CallerError, match="at_once is 0"):
        ServedJudge(chat, at_once=0)
