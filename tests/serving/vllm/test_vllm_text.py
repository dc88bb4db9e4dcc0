"""SmolLM2 with adapters on a real vLLM: the scores of the in-process reference, caches kept apart, ended whole."""

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from foveate import models
from foveate.errors import CallerError, ModelError
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.lora.adapters import check_adapter
from foveate.rerankers.protocols import Message, Sampling
from foveate.rerankers.shipped import ADAPTER
from foveate.serving.vllm import state
from foveate.serving.vllm.adapters import load, loaded, room_for
from foveate.serving.vllm.cli import app
from foveate.serving.vllm.judges import judges_of
from foveate.serving.vllm.launch import Launch
from foveate.serving.vllm.parity import Refused, compare, require
from foveate.serving.vllm.probes import probes
from foveate.serving.vllm.processes import alive, group, listeners, loopback
from foveate.serving.vllm.server import down, free_port, start, status
from foveate.serving.vllm.state import Server
from tests.serving.vllm import makers
from tests.serving.vllm.conftest import Serve

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

QV = ("q_proj", "v_proj")

SAY = Sampling(max_tokens=1, temperature=0)
# A block of the cache has 128 tokens on a CPU.
LONG = [Message(role="user", text="The lighthouse keeper wrote down every ship that passed. " * 40)]


@dataclass(frozen=True)
class Case:
    server: Server
    states: Path
    base: Path
    shipped: str
    """What the shipped adapter is asked for by; it is loaded from the start."""
    random: Path
    """Folder of an adapter that is not loaded."""


@pytest.fixture(scope="module")
def case(serve: Serve, states: Path, vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base, folder = models.get("smollm2"), tmp_path_factory.mktemp("adapters")
    random = makers.adapter(folder / "random", base, seed=2, modules=QV)
    server = serve(
        Launch(
            model=base,
            served_name="smollm2",
            port=free_port(),
            python=vllm_python,
            context=2048,
            kv_gb=1,
            lora=room_for([check_adapter(ADAPTER, base)], modules=QV),
        )
    )
    return Case(server, states, base, load(server, ADAPTER, states), random)


def chat(case: Case, model: str | None = None, tenant: str | None = None) -> OpenAIChat:
    server = case.server
    key = b"k" * 32 if tenant else None
    return OpenAIChat(
        model or server.model, server.base_url, api_key=server.key, tenant=tenant, tenant_key=key, timeout_s=300
    )


def cached(model: OpenAIChat, messages: list[Message] = LONG) -> int:
    async def ask() -> int:
        reply = await model.chat(messages, SAY)
        await model.aclose()
        return reply.usage.tokens_cached

    return asyncio.run(ask())


def run(case: Case, *arguments: str) -> tuple[int, object]:
    """Exit status and JSON of ``foveate vllm ...``."""
    found = CliRunner().invoke(app, [*arguments, "--state", str(case.states), "--json"])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, json.loads(found.stdout)


def test_up(case: Case) -> None:
    code, rows = run(case, "status")
    assert code == 0 and isinstance(rows, list)
    assert rows[0]["state"] == "up" and rows[0]["serves"] == ["smollm2", case.shipped]
    assert "key" not in rows[0]


def test_only_this_machine_reaches_it(case: Case) -> None:
    assert case.server.process is not None
    places = listeners(group(case.server.process))
    assert len(places) > 1 and all(loopback(host) for host, _ in places)


@pytest.mark.parametrize(
    "path", ["v1/models", "v1/load_lora_adapter", "adapters", "invocations", "tokenize", "metrics", "load", "ping"]
)
def test_the_key_is_needed_everywhere(case: Case, path: str) -> None:
    body = {"name": "x", "src": "/tmp", "lora_name": "x", "lora_path": "/tmp", "prompt": "x", "model": "smollm2"}
    for key in (None, "wrong"):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        found = httpx.post(f"{case.server.url}/{path}", json=body, headers=headers, trust_env=False)
        assert found.status_code == 401, path


def test_the_same_scores_as_in_process(case: Case) -> None:
    judges = judges_of(case.server, case.base)
    report = asyncio.run(compare(judges.reference, judges.served, probes(), served_at=judges.served_at))
    assert report.accepted and report.worst.size < 1e-3, report
    assert set(report.kendall.values()) == {1.0}


def test_the_same_scores_with_an_adapter(case: Case) -> None:
    judges = judges_of(case.server, case.base, ADAPTER)
    report = asyncio.run(
        compare(judges.reference, judges.served, probes(), batches=(1, 32), served_at=judges.served_at)
    )
    assert report.accepted and report.worst.size < 1e-3, report
    assert set(report.kendall.values()) == {1.0}


def test_a_server_without_the_adapter_is_refused(case: Case) -> None:
    judges = judges_of(case.server, case.base, ADAPTER, served_name="smollm2")
    report = asyncio.run(compare(judges.reference, judges.served, probes()[:9], batches=(8,), suspects=judges.suspects))
    assert report.worst.size > report.tolerance
    with pytest.raises(Refused, match="it answers as the base model without the adapter"):
        require(report)


def test_prefixes_are_reused_within_a_tenant(case: Case) -> None:
    ours, theirs = chat(case, tenant="ours"), chat(case, tenant="theirs")
    assert cached(ours) == 0
    assert cached(ours) >= 256
    assert cached(theirs) == 0
    longer = [Message(role="user", text=LONG[0].text + "What did the keeper write?")]
    assert cached(ours, longer) >= 256


def test_an_adapter_has_its_own_cache(case: Case) -> None:
    assert cached(chat(case, tenant="both")) == 0
    assert cached(chat(case, case.shipped, tenant="both")) == 0
    assert cached(chat(case, case.shipped, tenant="both")) >= 256


def test_adapters_come_and_go(case: Case) -> None:
    code, said = run(case, "adapters", "load", str(case.random))
    assert code == 0 and isinstance(said, dict)
    name = said["adapter"]
    assert loaded(case.server) == sorted([name, case.shipped])
    prompts = probes()[:2]

    async def probabilities(model: str | None) -> list[float]:
        found = await judges_of(case.server, case.base, served_name=model).served.judge(prompts)
        return [judgement.probability for judgement in found]

    base, shipped, random = (asyncio.run(probabilities(model)) for model in (None, case.shipped, name))
    assert base != pytest.approx(random, abs=1e-3) and shipped != pytest.approx(random, abs=1e-3)
    assert run(case, "adapters", "unload", name)[0] == 0
    assert loaded(case.server) == [case.shipped]
    with pytest.raises(ModelError, match="no model"):
        asyncio.run(probabilities(name))


def test_up_twice_and_a_taken_port(case: Case, vllm_python: Path) -> None:
    port = int(case.server.url.rpartition(":")[2])
    launch = Launch(model=case.base, served_name="smollm2", port=port, python=vllm_python)
    with pytest.raises(CallerError, match="is up already"):
        start(launch, case.states)
    with pytest.raises(CallerError, match=f"port {port} .* choose another"):
        start(launch, case.states, name="second")
    assert status(case.server).state == "up"


def test_killed(case: Case) -> None:
    """The last one: it ends the server."""
    assert case.server.process is not None and case.server.others
    os.kill(case.server.process.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while alive(case.server.process) and time.monotonic() < until:
        time.sleep(0.1)
    code, rows = run(case, "status")
    assert code == 5 and isinstance(rows, list) and rows[0]["state"] == "dead"
    down(case.states)
    assert not any(alive(process) for process in case.server.others)
    assert state.servers(case.states) == []
