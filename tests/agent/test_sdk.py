"""The SDK: one engine behind sync, async and streaming calls."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from foveate import Agent
from foveate.agent.events import Answered, Delta, Margin, Stage
from foveate.agent.multihop.protocols import Gathered, Tools
from foveate.agent.sheet import write_sheet
from foveate.errors import CallerError, ConfigError, EncoderMismatch
from foveate.locators import Box
from foveate.rerankers.protocols import Message, Reply, Sampling, TokenLogprob
from foveate.rerankers.reasoning.margins import HELPS
from foveate.rerankers.reasoning.prompts import QUOTE
from foveate.rerankers.scripted import Line, ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.settings import Settings
from foveate.usage import Usage

ENCODER = HashedEncoder()
QUESTION = "When does the harbour museum open?"


def open_agent(home: Path, name: str = "c", encoder: HashedEncoder = ENCODER) -> Agent:
    return Agent.open(
        name,
        settings=Settings.load(home=home, decoders=0),
        encoder=encoder,
        model=ScriptedChat(lambda _: "The harbour museum opens at ten."),
        reranker=SentenceReranker(encoder.encode_text, Weights(bias=-6.0)),
    )


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "museum.md").write_text("# Museum\n\nThe harbour museum opens at ten. It is free.\n")
    Image.new("RGB", (60, 40), "red").save(folder / "barn.png")
    return folder


@pytest.fixture
def agent(tmp_path: Path, media: Path) -> Iterator[Agent]:
    with open_agent(tmp_path / "home") as opened:
        opened.index(media)
        yield opened


def test_sync_async_and_stream_agree(agent: Agent) -> None:
    once = agent.ask(QUESTION)

    async def both() -> tuple[str, list[object]]:
        answer = await agent.aask(QUESTION)
        return answer.text, [event async for event in agent.stream(QUESTION)]

    text, events = asyncio.run(both())
    assert once.text == text == "The harbour museum opens at ten."
    assert next(event.name for event in events if isinstance(event, Stage)) == "plan"
    assert "".join(event.text for event in events if isinstance(event, Delta)) == text
    assert isinstance(events[-1], Answered) and events[-1].answer.text == text
    assert once.usage.hops >= 1 and once.usage.tokens_out > 0 and set(once.usage.seconds) >= {"plan", "answer"}


def test_many_at_once_from_one_loop(agent: Agent) -> None:
    async def many() -> list[str]:
        answers = await asyncio.gather(*(agent.aask(QUESTION) for _ in range(8)))
        return [answer.text for answer in answers]

    assert set(asyncio.run(many())) == {"The harbour museum opens at ten."}


def test_a_left_stream_is_cancelled(agent: Agent) -> None:
    async def leave() -> None:
        async for _ in agent.stream(QUESTION):
            break

    asyncio.run(leave())
    assert agent.ask(QUESTION).verdict == "answered"


def test_threads_continue(agent: Agent) -> None:
    first = agent.ask(QUESTION)
    second = agent.ask("Is it free?", thread_id=first.thread_id)
    assert second.thread_id == first.thread_id
    assert second.trace[0]["completed"] is True
    assert agent.ask("Is it free?").trace[0]["completed"] is False


def test_empty_collection_abstains(tmp_path: Path) -> None:
    with open_agent(tmp_path / "home", "empty") as empty:
        answer = empty.ask(QUESTION)
        assert (answer.verdict, answer.reason, answer.citations) == ("unanswerable", "no_evidence", ())
        assert empty.search("anything") == []


def test_reopened_collection_answers(tmp_path: Path, media: Path) -> None:
    with open_agent(tmp_path / "home") as first:
        first.index(media)
    with open_agent(tmp_path / "home") as second:
        assert second.ask(QUESTION).verdict == "answered"
        assert second.index(media).unchanged == 2


def test_errors_of_the_caller(agent: Agent, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="empty"):
        agent.ask("  ")
    with pytest.raises(CallerError, match="no picture at"):
        agent.ask("what is it?", images=tmp_path / "no.png")
    with pytest.raises(CallerError, match="colour"):
        agent.ask("what?", filters="colour:red")
    with pytest.raises(CallerError):
        Agent.open("nothere", settings=Settings.load(home=tmp_path), encoder=ENCODER, create=False)


def test_another_encoder_is_refused(agent: Agent, tmp_path: Path) -> None:
    agent.close()
    other = HashedEncoder()
    other.name = "other"
    with pytest.raises(EncoderMismatch, match=r"'hashed .*'other "):
        open_agent(tmp_path / "home", encoder=other)


def test_search_composed_and_look(agent: Agent, media: Path) -> None:
    results = agent.search("a barn", images=media / "barn.png", k=1)
    assert results[0].chunk.path.endswith("barn.png")
    image = agent.look(results[0].chunk, max_px=30)
    assert max(image.size) == 30 and isinstance(results[0].chunk.locator, Box)


def test_question_with_a_picture(agent: Agent, media: Path) -> None:
    answer = agent.ask("Which picture is like this red one?", images=[media / "barn.png"])
    hits = answer.trace[1]["top"]
    assert any("like" in hit["stages"] for hit in hits)


def test_sheet_is_one_escaped_file(agent: Agent, tmp_path: Path) -> None:
    answer = agent.ask(QUESTION)
    path = tmp_path / "out" / "sheet.html"
    write_sheet(path, [("<script>alert(1)</script>", answer)], agent.look)
    text = path.read_text()
    assert "<script>" not in text and "&lt;script&gt;" in text and "museum.md" in text
    assert "default-src 'none'" in text


def test_a_file_gone_after_indexing_does_not_break_answers(agent: Agent, media: Path) -> None:
    (media / "barn.png").unlink()
    (media / "museum.md").unlink()
    answer = agent.ask(QUESTION)
    assert answer.verdict == "answered" and answer.citations[0].quote


class Reading(ScriptedChat):
    """Copies the sentence of each piece it is shown, finds it helpful, and takes its time."""

    def __init__(self) -> None:
        super().__init__(self._said)
        self.read = 0

    def _said(self, messages: Sequence[Message]) -> Line:
        if messages[-1].text == HELPS:
            yes = TokenLogprob(token="Yes", logprob=-0.1, top=(("Yes", -0.1), ("No", -2.4)))
            return Reply(text="Yes", finish="length", usage=Usage(), logprobs=(yes,))
        if messages[0].text == QUOTE.modules[0].text:
            self.read += 1
            return messages[-1].text.split("\n")[1].partition("] ")[2]
        return "none"

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        await asyncio.sleep(0.02)
        return await super().chat(messages, sampling)


def test_the_first_margin_of_forty_comes_before_half_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "minutes"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"The roof of house {number} was mended in the year {1900 + number}.")
    chat = Reading()
    settings = Settings.load(home=tmp_path / "home", decoders=0, reading="margins", planning="rules", strategy="single")
    weights = Weights(bias=3.0)  # all forty are worth reading
    with Agent.open(
        "c", settings=settings, encoder=ENCODER, model=chat, reasoner=chat,
        reranker=SentenceReranker(ENCODER.encode_text, weights),
    ) as agent:  # fmt: skip
        agent.index(folder)

        async def watch() -> list[tuple[int, int, int]]:
            events = agent.stream("Which roofs were mended?")
            return [(event.index, event.of, chat.read) async for event in events if isinstance(event, Margin)]

        told = asyncio.run(watch())
    assert [(index, of) for index, of, _ in told] == [(number, 40) for number in range(1, 41)]
    assert told[0][2] < 20  # pieces read by the time it was in the caller's hands


def test_a_strategy_of_ones_own(tmp_path: Path, media: Path) -> None:
    class Nothing:
        name = "nothing"

        async def gather(self, question: str, tools: Tools) -> Gathered:
            return Gathered(found=(), hops=(), ended="on purpose")

    settings = Settings.load(home=tmp_path / "home", decoders=0)
    with Agent.open("c", settings=settings, encoder=ENCODER, model=ScriptedChat([]), strategy=Nothing()) as agent:
        agent.index(media)
        answer = agent.ask(QUESTION)
    assert answer.verdict == "unanswerable" and answer.trace[1]["strategy"] == "nothing"


@pytest.mark.parametrize(("flag", "value"), [("reasoner", "big"), ("strategy", "guess")])
def test_unknown_names_are_refused_at_once(tmp_path: Path, flag: str, value: str) -> None:
    flags = {flag: value}
    with pytest.raises(ConfigError, match=f"unknown {flag} '{value}'"):
        Agent.open("c", home=tmp_path, encoder=ENCODER, model=ScriptedChat([]), **flags)  # type: ignore[arg-type]


def test_a_search_opens_no_reasoner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("foveate.agent.reasoning.open_reasoner", lambda spec, settings, model: opened.append(spec))
    with Agent.open("c", home=tmp_path, encoder=ENCODER, model=ScriptedChat([]), reasoner="mini") as agent:
        agent.search("museum")
        assert not opened and agent.reasoner is None and agent.reasoner is None and opened == ["mini"]
