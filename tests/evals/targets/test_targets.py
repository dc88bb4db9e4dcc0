"""Each target does what it says it can, over the same small dataset."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foveate.errors import CallerError, ConfigError, ModelError, ServiceError
from foveate.evals.samples import Dataset, Document, Output, Place, Sample
from foveate.evals.targets.agent import AgentTarget
from foveate.evals.targets.encoder import EncoderTarget
from foveate.evals.targets.endpoint import EndpointTarget
from foveate.evals.targets.model import ModelTarget
from foveate.evals.targets.protocols import need
from foveate.evals.targets.reranker import RerankerTarget
from foveate.evals.targets.table import TARGETS, open_target
from foveate.evals.tasks.running import Asked, locate
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.settings import Settings
from tests.evals.agent_server import serving
from tests.makers import film

ENCODER = HashedEncoder()
SAID = "The harbour museum opens at ten."


def agent_target(settings: Settings, **options: object) -> AgentTarget:
    return AgentTarget(
        settings,
        ENCODER,
        ScriptedChat(lambda _: SAID),
        reranker=SentenceReranker(ENCODER.encode_text, Weights(bias=-6.0)),
        **options,  # type: ignore[arg-type]
    )


def test_the_agent_finds_and_answers(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    async def go() -> None:
        target = agent_target(settings)
        await target.prepare(dataset, tmp_path / "work")
        red, hours, look = dataset.samples
        assert (await target.find(red, 3))[0][0] == "barn"
        assert (await target.find(look, 1))[0][0] == "sea"
        ranking = await target.find(hours, 5)
        assert ranking[0][0] == "museum"
        assert len({name for name, _ in ranking}) == len(ranking)
        output = await target.ask(hours, hours.text)
        assert (output.text, output.verdict, output.cited) == (SAID, "answered", (Place(document="museum"),))
        assert "The harbour museum opens at ten." in output.evidence[0]["quote"]
        assert output.evidence[0]["source"] == "museum"
        assert output.usage.hops >= 1
        await target.close()

    asyncio.run(go())


def test_an_index_is_made_once(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    async def go() -> None:
        target = agent_target(settings)
        await target.prepare(dataset, tmp_path / "work")
        (done,) = (tmp_path / "work").glob("*/indexed.json")
        before = done.stat().st_mtime_ns
        await target.prepare(dataset, tmp_path / "work")
        assert done.stat().st_mtime_ns == before
        # An index that a kill left half done is thrown away.
        done.unlink()
        (done.parent / "collections" / "documents" / "marker").write_text("old")
        await target.prepare(dataset, tmp_path / "work")
        assert not (done.parent / "collections" / "documents" / "marker").exists()
        assert (await target.find(dataset.samples[0], 1))[0][0] == "barn"
        await target.close()

    asyncio.run(go())


def test_the_index_of_another_checkout_is_not_taken(settings: Settings, tmp_path: Path) -> None:
    async def go() -> None:
        target = agent_target(settings)
        for checkout in ("one", "two"):
            file = tmp_path / checkout / "museum.md"
            file.parent.mkdir()
            file.write_text("The harbour museum opens at ten.")
            same = Dataset(name="same", samples=(), documents=(Document(id="museum", file=str(file)),))
            await target.prepare(same, tmp_path / "work")
            assert await target.find(Sample(id="a", text="When does the museum open?"), 1), checkout
        await target.close()

    asyncio.run(go())


def test_the_agent_of_a_suite_has_the_reasoner_of_the_settings(settings: Settings) -> None:
    assert open_target("agent", settings.model_copy(update={"generator": "scripted"})).describe()["reasoner"] == "auto"
    assert agent_target(settings).describe()["reasoner"] is None


def test_the_agent_refuses_parts_of_the_documents(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    async def go() -> None:
        target = agent_target(settings)
        await target.prepare(dataset, tmp_path / "work")
        with pytest.raises(CallerError, match="'encoder'"):
            await target.find(replace(dataset.samples[0], candidates=("barn",)), 3)
        await target.close()
        with pytest.raises(ServiceError, match="not prepared"):
            _ = target.agent

    asyncio.run(go())


def test_a_document_that_cannot_be_indexed_is_named(settings: Settings, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    bad = Dataset(name="bad", samples=(), documents=(Document(id="b", image=str(broken)),))
    with pytest.raises(CallerError, match="could not be indexed"):
        asyncio.run(agent_target(settings).prepare(bad, tmp_path / "work"))


def test_stages_alone(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    async def go() -> None:
        target = agent_target(settings, stage="bm25")
        await target.prepare(dataset, tmp_path / "work")
        assert [name for name, _ in await target.find(dataset.samples[1], 5)] == ["museum"]
        assert await target.find(replace(dataset.samples[0], text="violet"), 5) == []
        await target.close()

    asyncio.run(go())


def test_the_endpoint_says_what_the_agent_says(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    questions = [sample for sample in dataset.samples if sample.text]
    questions.append(replace(questions[1], id="seen", images=dataset.samples[2].images))

    async def inside(target: AgentTarget) -> list[Output]:
        await target.prepare(dataset, tmp_path / "work")
        return [await target.ask(sample, sample.text) for sample in questions]

    async def outside(url: str) -> list[Output]:
        target = EndpointTarget(OpenAIChat("foveate/documents", url, sees=True))
        await target.prepare(dataset, tmp_path / "elsewhere")
        outputs = [await target.ask(sample, sample.text) for sample in questions]
        await target.close()
        return outputs

    target = agent_target(settings)
    ours = asyncio.run(inside(target))
    with serving(target.agent) as url:
        theirs = asyncio.run(outside(url))
    asyncio.run(target.close())
    for one, other in zip(ours, theirs, strict=True):
        assert (one.text, one.verdict, one.reason, one.cited) == (other.text, other.verdict, other.reason, other.cited)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
        assert one.evidence == other.evidence
        assert (one.usage.hops, one.usage.tokens_in) == (other.usage.hops, other.usage.tokens_in)
    assert theirs[1].cited == (Place(document="museum"),)


@pytest.mark.parametrize(
    ("says", "status", "fault"),
    [
        ({"verdict": "maybe", "citations": []}, 200, ModelError),
        ({"verdict": "answered", "citations": "none"}, 200, ModelError),
        ({"verdict": "answered", "citations": ["page 1"]}, 200, ModelError),
        (None, 500, ServiceError),
    ],
)
def test_an_endpoint_that_talks_nonsense(
    settings: Settings, dataset: Dataset, tmp_path: Path, says: dict[str, object] | None, status: int, fault: type
) -> None:
    async def go(url: str) -> None:
        target = EndpointTarget(OpenAIChat("m", url, retries=0))
        await target.prepare(dataset, tmp_path / "elsewhere")
        with pytest.raises(fault):
            await target.ask(dataset.samples[1], "?")
        await target.close()

    inner = agent_target(settings)
    asyncio.run(inner.prepare(dataset, tmp_path / "work"))
    with serving(inner.agent, says=says, status=status) as url:
        asyncio.run(go(url))
    asyncio.run(inner.close())


def test_a_plain_endpoint_gives_text_alone(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    async def go(url: str) -> Output:
        target = EndpointTarget(OpenAIChat("m", url))
        await target.prepare(dataset, tmp_path / "elsewhere")
        output = await target.ask(dataset.samples[1], dataset.samples[1].text)
        await target.close()
        return output

    inner = agent_target(settings)
    asyncio.run(inner.prepare(dataset, tmp_path / "work"))
    with serving(inner.agent, says={"verdict": "partial", "confidence": math.nan, "usage": {"hops": 3}}) as url:
        output = asyncio.run(go(url))
    asyncio.run(inner.close())
    assert (output.text, output.verdict, output.confidence, output.usage.hops) == (SAID, "partial", None, 3)


def test_the_encoder_alone_is_exact(dataset: Dataset, tmp_path: Path) -> None:
    async def go() -> None:
        target = EncoderTarget(ENCODER)
        await target.prepare(dataset, tmp_path)
        red, _, look = dataset.samples
        ranking = await target.find(red, 5)
        assert ranking[0][0] == "barn" and len(ranking) == 5
        query = ENCODER.encode_text(["red"])[0]
        text = ENCODER.encode_text([str(dataset.documents[0].text)])[0]
        assert dict(ranking)["museum"] == pytest.approx(float(query @ text), abs=1e-6)
        assert [score for _, score in ranking] == sorted((score for _, score in ranking), reverse=True)
        assert (await target.find(look, 1))[0] == ("sea", pytest.approx(1.0, abs=1e-6))
        assert [name for name, _ in await target.find(replace(red, candidates=("sea", "field")), 5)].count("barn") == 0
        away = await target.find(replace(red, exclude="red"), 5)
        assert {round(score, 6) for _, score in away} == {0.0}

    asyncio.run(go())


def test_pools_keep_apart(tmp_path: Path) -> None:
    data = Dataset(
        name="pools",
        samples=(Sample(id="1", text="sea", pool="en"), Sample(id="2", text="sea", pool="de")),
        documents=(Document(id="a", text="sea", pool="de"), Document(id="b", text="grass", pool="en")),
    )

    async def go() -> None:
        target = EncoderTarget(ENCODER)
        await target.prepare(data, tmp_path)
        assert [name for name, _ in await target.find(data.samples[0], 9)] == ["b"]
        assert [name for name, _ in await target.find(data.samples[1], 9)] == ["a"]
        assert await target.find(replace(data.samples[0], pool="fr"), 9) == []
        with pytest.raises(CallerError, match="neither text nor picture"):
            await target.find(Sample(id="3", pool="en"), 9)

    asyncio.run(go())


def test_text_and_picture_are_a_mean(pictures: dict[str, str], tmp_path: Path) -> None:
    both = Document(id="both", text="green", image=pictures["barn"])
    data = Dataset(name="d", samples=(Sample(id="q", text="red"),), documents=(both,))

    async def go() -> float:
        target = EncoderTarget(ENCODER)
        await target.prepare(data, tmp_path)
        return (await target.find(data.samples[0], 1))[0][1]

    from foveate.evals.targets.pictures import picture

    parts = ENCODER.encode_images([picture(pictures["barn"])])[0] + ENCODER.encode_text(["green"])[0]
    expected = float(parts @ ENCODER.encode_text(["red"])[0] / np.linalg.norm(parts))
    assert asyncio.run(go()) == pytest.approx(expected, abs=1e-6)


def test_the_encoder_refuses_films(tmp_path: Path) -> None:
    data = Dataset(name="d", samples=(), documents=(Document(id="f", film="film.mp4"),))
    with pytest.raises(CallerError, match="'f'"):
        asyncio.run(EncoderTarget(ENCODER).prepare(data, tmp_path))


def test_a_bare_model(dataset: Dataset, tmp_path: Path) -> None:
    texts_only = replace(dataset, samples=dataset.samples[:2])
    chat = ScriptedChat(["at ten", "I cannot tell.", "It opens at ten"])

    async def go() -> list[Output]:
        closed = ModelTarget(chat)
        await closed.prepare(texts_only, tmp_path)
        outputs = [await closed.ask(sample, sample.text) for sample in texts_only.samples]
        reading = ModelTarget(chat, reads="right")
        await reading.prepare(texts_only, tmp_path)
        return [*outputs, await reading.ask(texts_only.samples[1], "When?")]

    said, silent, read = asyncio.run(go())
    assert (said.text, said.verdict) == ("at ten", "answered")
    assert (silent.verdict, silent.reason) == ("unanswerable", "no_evidence")
    assert read.text == "It opens at ten"
    assert "opens at ten. It is free." in chat.calls[2].messages[-1].text
    assert "opens at ten" not in chat.calls[0].messages[-1].text


def test_a_blind_model_is_not_shown_pictures(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"'look'.*takes none"):
        asyncio.run(ModelTarget(ScriptedChat([])).prepare(dataset, tmp_path))

    async def go() -> Output:
        target = ModelTarget(ScriptedChat(["a blue field"], sees=True))
        await target.prepare(dataset, tmp_path)
        return await target.say(dataset.samples[2].images, "Describe it.")

    output = asyncio.run(go())
    assert output.text == "a blue field" and output.usage.images_sent == 1


def test_the_reranker_reorders_what_the_first_stage_found(settings: Settings, dataset: Dataset, tmp_path: Path) -> None:
    async def go() -> None:
        target = RerankerTarget(settings, ENCODER, ScriptedChat([], name="none"))
        await target.prepare(dataset, tmp_path / "work")
        first = await target.find(dataset.samples[1], 5)
        second = await target.rerank(dataset.samples[1], 5)
        assert {name for name, _ in first} == {name for name, _ in second}
        assert second[0][0] == "museum"
        assert all(0 <= score <= 1 for _, score in second)
        assert target.describe()["reranker"] == "sentences"
        await target.close()

    asyncio.run(go())


def test_the_table(settings: Settings) -> None:
    assert list(TARGETS) == sorted(TARGETS)
    with pytest.raises(CallerError, match="'oracle' is none of"):
        open_target("oracle", settings)
    with pytest.raises(CallerError, match="depth"):
        open_target("encoder", settings, depth=3)
    with pytest.raises(CallerError, match="openai:MODEL"):
        open_target("endpoint", settings.model_copy(update={"generator": "scripted"}))
    with pytest.raises(ConfigError):
        open_target("model", settings.model_copy(update={"generator": "nothing"}))
    target = open_target("retriever", settings)
    with pytest.raises(CallerError, match="can 'ask'; target 'retriever' can find"):
        need(target, "ask", "vqa")


@pytest.mark.parametrize("kind", ["agent", "retriever", "reranker", "encoder", "model"])
def test_descriptions_are_the_same_twice(settings: Settings, kind: str) -> None:
    scripted = settings.model_copy(update={"generator": "scripted"})
    make: Callable[[], object] = lambda: dict(open_target(kind, scripted).describe())  # noqa: E731
    assert make() == make()


def test_moments_of_the_samples_own_film(settings: Settings, tmp_path: Path) -> None:
    """Two films with the same spoken line: only the one the sample names counts."""
    lines = "1\n00:00:00,500 --> 00:00:01,500\nThe harbour museum opens at ten.\n\n"
    lines += "2\n00:00:02,000 --> 00:00:03,000\nDogs must be on a lead.\n"
    paths = []
    for name, colours in (("one", [(220, 30, 30)] * 40), ("two", [(40, 70, 210)] * 40)):
        path = tmp_path / f"{name}.mp4"
        film(path, colours)
        path.with_suffix(".srt").write_text(lines if name == "one" else lines.replace("museum", "café"))
        paths.append(str(path))
    sample = Sample(id="q", text="When does the harbour museum open?", films=(paths[1],), spans=((0.5, 1.5),))
    data = Dataset(name="films", samples=(sample, replace(sample, id="r", films=(paths[0],))))

    async def go() -> tuple[list[tuple[float, float]], list[tuple[float, float]], Output]:
        target = agent_target(settings)
        await target.prepare(data, tmp_path / "work")
        other, own = [await target.locate(item, 5) for item in data.samples]
        found = await locate(data.samples[1], Asked(target=target, dataset=data, options={"depth": 1}))
        await target.close()
        return other, own, found

    other, own, found = asyncio.run(go())
    assert own[0] == (0.5, 3.0) and len(own) == len(set(own))  # two lines, one passage
    assert (0.5, 3.0) in other
    assert found.spans == ((0.5, 3.0),)


def test_a_film_that_is_gone_is_named(settings: Settings, tmp_path: Path) -> None:
    data = Dataset(name="films", samples=(Sample(id="q", text="?", films=(str(tmp_path / "no.mp4"),)),))
    with pytest.raises(CallerError, match=r"'films': no film '.*no\.mp4'"):
        asyncio.run(agent_target(settings).prepare(data, tmp_path / "work"))
