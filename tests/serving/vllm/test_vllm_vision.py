"""A LLaVA on a real vLLM: pictures arrive, change the answer as in process, and come from nowhere but the request."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from foveate.errors import CallerError
from foveate.rerankers.layouts import layout
from foveate.rerankers.protocols import ImagePart, Judgement, Message
from foveate.serving.vllm.judges import judges_of
from foveate.serving.vllm.launch import Launch
from foveate.serving.vllm.parity import compare
from foveate.serving.vllm.probes import probes
from foveate.serving.vllm.server import free_port, status
from foveate.serving.vllm.state import Server
from tests.rerankers import tiny_vision
from tests.serving.vllm.conftest import Serve

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

RED, BLUE = tiny_vision.picture((250, 10, 10)), tiny_vision.picture((10, 10, 250))


@dataclass(frozen=True)
class Case:
    server: Server
    base: Path


@pytest.fixture(scope="module")
def case(serve: Serve, vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tiny_vision.build(tmp_path_factory.mktemp("models") / "llava")
    launch = Launch(model=base, served_name="llava", port=free_port(), python=vllm_python, kv_gb=1, images=2)
    return Case(serve(launch), base)


def prompt(*images: ImagePart) -> tuple[Message, ...]:
    return layout("rerank").messages({"question": "a red thing", "candidate": "see the picture"}, images)


def test_pictures_are_seen(case: Case) -> None:
    served = judges_of(case.server, case.base).served
    red, blue, both = asyncio.run(served.judge([prompt(RED), prompt(BLUE), prompt(BLUE, RED)]))
    assert red.probability > 0.6 > 0.4 > blue.probability
    assert (red.usage.images_sent, both.usage.images_sent) == (1, 2)


def test_the_same_scores_as_in_process(case: Case) -> None:
    judges = judges_of(case.server, case.base)
    colours = [prompt(tiny_vision.picture((r, 40, b))) for r in (0, 90, 180, 250) for b in (5, 95, 185, 245)]
    # A prompt of the probes is longer than this model's context.
    short = [prompt for prompt in probes(sees=True) if sum(len(message.text) for message in prompt) < 300]
    prompts = [*short, *colours]
    report = asyncio.run(compare(judges.reference, judges.served, prompts, served_at=judges.served_at))
    assert report.accepted and report.worst.size < 1e-3, report


def test_too_many_pictures(case: Case) -> None:
    async def judge() -> list[Judgement]:
        return await judges_of(case.server, case.base).served.judge([prompt(RED, BLUE, RED)])

    with pytest.raises(CallerError, match="refuses the request"):
        asyncio.run(judge())


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.png", "https://example.org/x.png", "file:///etc/passwd"])
def test_pictures_come_by_no_address(case: Case, address: str) -> None:
    body = {
        "model": "llava",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": address}}]}],
    }
    found = httpx.post(
        f"{case.server.base_url}/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {case.server.key}"},
        trust_env=False,
        timeout=60,
    )
    # 0.32.0 answers 500 to file addresses, though it refuses them.
    assert found.status_code in (400, 500), found.text
    assert "domain" in found.text or "allowed-local-media-path" in found.text, found.text
    assert "root:" not in found.text
    assert status(case.server).state == "up"


def test_a_broken_picture_ends_only_its_request(case: Case) -> None:
    served = judges_of(case.server, case.base).served
    broken = ImagePart(data=RED.data[: len(RED.data) // 2], mime="image/png")

    async def judge() -> None:
        with pytest.raises(CallerError):
            await served.judge([prompt(broken)])
        assert (await served.judge([prompt(RED)]))[0].probability > 0.6

    asyncio.run(judge())
